"""How companies, their securities and the standing of their trials are drawn."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ncfd_site.core import formatting
from securities.queries.listings import ListingPeriod
from signals.trials import words

register = template.Library()

# In a list; what is left stands on the page of the company.
MOST_TICKERS = 4


@register.filter
def risk(p_fail: Decimal | None) -> SafeString:
    """Draw a probability of failure as a number with a bar of that length."""
    if p_fail is None:
        return formatting.quiet("not scored")
    return format_html(
        '<span class="risk"><span class="number">{}</span> <svg class="risk-bar" width="40" height="8"'
        ' aria-hidden="true"><rect class="track" width="40" height="8"/><rect class="part" width="{}" height="8"/>'
        "</svg></span>",
        words.percent(p_fail),
        f"{40 * p_fail:.1f}",
    )


@register.filter
def percent(value: Decimal | float | None) -> str:
    """Write a probability in percent."""
    return "unknown" if value is None else words.percent(Decimal(str(value)))


@register.filter
def points(change: Decimal | None) -> SafeString | str:
    """Say how a probability changed, in percentage points."""
    if change is None:
        return formatting.quiet("no run before")
    if not change:
        return formatting.quiet("the same")
    sign = "\u25b2" if change > 0 else "\u25bc"
    return format_html('<span aria-hidden="true">{}</span> {}', sign, words.points(change))


@register.filter
def day(value: date | None) -> SafeString | str:
    """Draw a day as its distance from today, with the date itself in the title."""
    if value is None:
        return ""
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        value.isoformat(),
        value.isoformat(),
        words.distance(value, timezone.localdate()),
    )


@register.filter
def days_of(span: ListingPeriod) -> str:
    """Write the days of a security: since when, or from when to which last day, and whether only a list tells so."""
    if span.is_first_seen:
        return f"in the SEC's lists from {span.first} {f'to {span.last}' if span.last else 'on'}"
    if span.is_empty:
        return "on no day"
    if span.last is None:
        return f"since {span.first}" if span.first else "always"
    if span.first == span.last:
        return f"on {span.first} alone"
    return f"{span.first or 'from the first'} to {span.last}"


@register.filter
def phase(text: str | None) -> str:
    """Write a phase in words."""
    return words.phase_words(text)


@register.filter
def status(text: str | None) -> str:
    """Write the status of a trial in words."""
    return words.status_words(text)


@register.filter
def tickers(spans: Sequence[ListingPeriod]) -> SafeString:
    """Draw what is listed of a company: tickers as links, each exchange once for its tickers."""
    if not spans:
        return formatting.quiet("not listed")
    by_exchange: dict[str, list[SafeString]] = {}
    for span in spans[:MOST_TICKERS]:
        by_exchange.setdefault(span.exchange, []).append(ticker_link(span.ticker))
    drawn = format_html_join(
        "; ",
        '<span>{} <span class="quiet">{}</span></span>',
        ((format_html_join(", ", "{}", ((one,) for one in links)), code) for code, links in by_exchange.items()),
    )
    left = len(spans) - MOST_TICKERS
    return format_html("{} {}", drawn, formatting.quiet(f"and {left} more")) if left > 0 else drawn


@register.simple_tag
def ticker_link(ticker: str) -> SafeString:
    """Draw a ticker as a link to what it means."""
    try:
        return format_html('<a class="above-row" href="{}">{}</a>', reverse("companies:ticker", args=[ticker]), ticker)
    except NoReverseMatch:
        # An empty one has no address.
        return format_html("{}", ticker)


@register.filter
def compared(value: Any) -> SafeString | str:
    """Draw what was compared: numbers to three digits, truth in words."""
    if value is None:
        return formatting.quiet("not compared")
    if isinstance(value, bool):
        return formatting.yes_or_no(value)
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return formatting.json_fields(value) if isinstance(value, dict | list) else str(value)
