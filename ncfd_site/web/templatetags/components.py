"""Template components; `/styleguide/` shows each in its states. A page has no markup or styles of its own for these."""

from decimal import Decimal
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def badge(kind: str, sign: str, word: str, title: str = "") -> SafeString:
    """Render a state as a sign and a word; `kind` is right, wrong, waits or "" and gives the color."""
    return format_html(
        '<span class="badge {}"{}><span aria-hidden="true">{}</span> {}</span>',
        kind,
        format_html(' title="{}"', title) if title else "",
        sign,
        word,
    )


@register.simple_tag
def figure(value: Any, url: str = "") -> SafeString:
    """Render a number, with thousands separated, as a link to the rows that it counts; without `url`, as text."""
    text = f"{value:,}" if isinstance(value, int) else value
    return (
        format_html('<a href="{}"><strong>{}</strong></a>', url, text)
        if url
        else format_html("<strong>{}</strong>", text)
    )


@register.inclusion_tag("ncfd/components/rate.html")
def rate_with_interval(
    correct: int, total: int, rate: Decimal | float | None, low: Decimal | float | None, high: Decimal | float | None
) -> dict[str, Any]:
    """Render a rate with its 95 % interval and the counts behind it; "unknown" without a count."""
    return {"correct": correct, "total": total, "rate": rate, "low": low, "high": high}


@register.inclusion_tag("ncfd/components/tile.html")
def tile(label: str, value: Any, url: str = "", note: str = "") -> dict[str, Any]:
    """Render a labeled number of a `dl.tiles`; the number links to its rows."""
    return {"label": label, "value": value, "url": url, "note": note}
