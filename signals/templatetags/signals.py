"""Template tags and filters of trials, companies and validation errors."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ncfd_site.core import formatting
from ncfd_site.core.formatting import render_json
from securities.queries.listings import ListingPeriod
from signals.models import Signal, StagingError
from signals.trials import labels
from signals.validation_errors.queries import Missing

register = template.Library()
register.filter("phase", labels.format_phase)
register.filter("status", labels.format_status)
register.filter("signed", formatting.format_signed)
register.filter("signed_points", formatting.format_points)

# In a list; what is left stands on the page of the company.
MOST_TICKERS = 4


@register.filter
def readout(day: date | None) -> SafeString:
    """Render the date of a readout with its distance from today."""
    if day is None:
        return formatting.render_quiet(labels.UNKNOWN)
    distance = formatting.format_date_distance(day, timezone.localdate())
    return format_html(
        '<span title="{0}"><time datetime="{1}">{1}</time></span><span class="visually-hidden"> {0}</span>',
        distance,
        day.isoformat(),
    )


@register.filter
def score_change(change: Decimal | None) -> SafeString:
    """Render the change of a probability since the previous run, "new" for None."""
    if change is None:
        return formatting.render_quiet("new")
    if not change:
        return SafeString(
            '<span class="quiet"><span aria-hidden="true">0.0</span>'
            '<span class="visually-hidden">no change</span></span>'
        )
    sign, word = ("\u25b2", "rose") if change > 0 else ("\u25bc", "fell")
    return format_html(
        '<span class="move {1}"><span aria-hidden="true">{0}</span>'
        ' <span class="visually-hidden">{1} by</span> {2}</span>',
        sign,
        word,
        formatting.format_points(change),
    )


@register.filter
def number(value: Decimal | None) -> str:
    """Return a number without trailing zeros, "" for None."""
    return "" if value is None else formatting.format_number(value)


@register.filter
def web_address(text: str | None) -> str:
    """Return an http or https address, "" for other text: a link with another scheme could run a script."""
    return text if text and formatting.is_web_address(text) else ""


@register.filter
def severity(code: str) -> str:
    """Return the label of the severity of a signal: "high" for H."""
    return str(dict(Signal.Severity.choices).get(code, code))


@register.filter
def days_of(span: ListingPeriod) -> str:
    """Return the first and last day of a listing in words."""
    if span.is_first_seen:
        return f"since {span.first} (first SEC list){f', until {span.last}' if span.last else ''}"
    if span.is_empty:
        return "on no day"
    if span.last is None:
        return f"since {span.first}" if span.first else "always"
    if span.first == span.last:
        return f"on {span.first} alone"
    return f"{span.first or 'from the first'} to {span.last}"


@register.filter
def tickers(spans: Sequence[ListingPeriod]) -> SafeString:
    """Render the tickers of a company as links, grouped by exchange."""
    if not spans:
        return formatting.render_quiet("not listed")
    by_exchange: dict[str, list[SafeString]] = {}
    for span in spans[:MOST_TICKERS]:
        by_exchange.setdefault(span.exchange, []).append(ticker_link(span.ticker))
    drawn = format_html_join(
        "; ",
        '<span>{} <span class="quiet">{}</span></span>',
        ((format_html_join(", ", "{}", ((one,) for one in links)), code) for code, links in by_exchange.items()),
    )
    left = len(spans) - MOST_TICKERS
    return format_html("{} {}", drawn, formatting.render_quiet(f"and {left} more")) if left > 0 else drawn


@register.simple_tag
def ticker_link(ticker: str) -> SafeString:
    """Render a ticker as a link to its page."""
    try:
        return format_html('<a class="above-row" href="{}">{}</a>', reverse("companies:ticker", args=[ticker]), ticker)
    except NoReverseMatch:
        # An empty one has no address.
        return format_html("{}", ticker)


@register.filter
def compared(value: Any) -> SafeString | str:
    """Render a value of a resolver comparison: numbers to three digits, booleans as yes or no."""
    if value is None:
        return formatting.render_quiet("not compared")
    if isinstance(value, bool):
        return formatting.format_yes_no(value)
    if isinstance(value, float):
        return formatting.format_number(Decimal(str(round(value, 3))))
    return render_json(value) if isinstance(value, dict | list) else str(value)


@register.filter
def fields_in_words(card: Any) -> str:
    """Return the number of fields of a card in words."""
    if not isinstance(card, Mapping):
        return "recorded value"
    return f"{len(card)} field{'' if len(card) == 1 else 's'}"


@register.filter
def card_with_gaps(error: StagingError, missing: Iterable[Missing]) -> SafeString:
    """Render the card of an error as fields, below its missing fields."""
    gaps = format_html_join(
        "",
        '<div class="gap"><dt>{}</dt><dd><span class="still">⚠ missing</span></dd></div>',
        ((field.words.partition(":")[0],) for field in missing),
    )
    drawn = render_json(error.extracted_jsonb)
    return format_html("{}{}", format_html('<dl class="fields gaps">{}</dl>', gaps) if gaps else "", drawn)
