"""Template tags and filters of trials, companies and validation errors."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse
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
