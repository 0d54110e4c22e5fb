"""Template components; `/styleguide/` shows each in its states. A page has no markup or styles of its own for these."""

from decimal import Decimal
from typing import Any

from django import template
from django.template import Context, RequestContext
from django.template.base import FilterExpression, NodeList, Parser, Token
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

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


@register.simple_tag(takes_context=True)
def sorted_header(
    context: RequestContext,
    sort: str,
    words: str,
    first: str,
    other: str,
    *,
    is_descending: bool = False,
    kind: str = "",
    about: str = "",
) -> SafeString:
    """Render a heading that sorts; `sort` are the current keys.

    `first` and `other` are the keys of the first and the second click; `is_descending` is whether the first one is
    descending. A click with Shift makes it the second key.
    """
    keys = sort.split(",")
    place = next((number for number, key in enumerate(keys) if key in (first, other)), None)
    is_first_click = place is None or keys[place] != first
    wanted = first if is_first_click else other
    falls = place is not None and (keys[place] == first) == is_descending
    address = context["request"].GET.copy()
    for name in ("page", "sort"):
        address.pop(name, None)

    def link(order: str) -> str:
        address["order"] = order
        return f"?{address.urlencode(safe=',')}"

    return format_html(
        '<th scope="col"{}{}><a href="{}"{}{}>{}{}</a></th>',
        format_html(' class="{}"', kind) if kind else "",
        format_html(' aria-sort="{}"', "descending" if falls else "ascending") if place == 0 else "",
        link(wanted),
        # The first key alone cannot be second.
        format_html(' data-then="{}"', link(f"{keys[0]},{wanted}")) if place != 0 else "",
        format_html(' title="{}"', about) if about else "",
        words,
        format_html(
            ' <span aria-hidden="true">{}{}</span>{}',
            "\u25bc" if falls else "\u25b2",
            format_html("<sup>{}</sup>", place + 1) if len(keys) > 1 else "",
            SafeString('<span class="visually-hidden">second sort key</span>') if place else "",
        )
        if place is not None
        else "",
    )  # fmt: skip


class _Cells(template.Node):
    """The cells of a row by column."""

    def __init__(self, columns: FilterExpression, cells: dict[str, NodeList]) -> None:
        self.columns, self.cells = columns, cells

    def render(self, context: Context) -> SafeString:
        return mark_safe("".join(self.cells[name].render(context) for name in self.columns.resolve(context)))  # noqa: S308


@register.tag
def cells(parser: Parser, token: Token) -> _Cells:
    """Render `{% cell "name" %}…` of each of the columns in their order: `{% cells columns %}…{% endcells %}`."""
    columns = parser.compile_filter(token.split_contents()[1])
    found = {}
    parser.parse(("cell",))
    while (token := parser.next_token()).contents != "endcells":
        found[token.split_contents()[1].strip('"')] = parser.parse(("cell", "endcells"))
    return _Cells(columns, found)


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
