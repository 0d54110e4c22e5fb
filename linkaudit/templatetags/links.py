"""How links, verdicts and heuristics are drawn."""

from decimal import Decimal
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from linkaudit.highlighting import Terms, mark_terms
from linkaudit.queries import MIN_LINKS, MIN_PRECISION, HeuristicStanding, reviews_needed
from ncfd_site.core.json_html import render_json

register = template.Library()

# The database keeps no order of fields. What a reviewer looks for comes first, and what belongs together, together.
FIRST_FIELDS = ("quote", "page_no", "char_start", "char_end", "matched_alias")

VERDICTS = {True: ("right", "\u2713"), False: ("wrong", "\u2717"), None: ("open", "\u25cb")}


@register.filter
def verdict(label: bool | None) -> SafeString:
    """Draw a label as a sign and a word; the word alone says it all."""
    word, sign = VERDICTS[label]
    return format_html('<span class="verdict {}"><span aria-hidden="true">{}</span> {}</span>', word, sign, word)


@register.simple_tag
def evidence(value: Any, terms: Terms) -> SafeString:
    """Draw the evidence of a link as fields, with the asset and the trial number marked inside."""
    return render_json(_in_order(value), lambda text: mark_terms(text, terms).html)


@register.filter
def rate(value: Decimal | float | None) -> str:
    """Write a rate between 0 and 1 at four digits, as the database gives it; unknown where there is none."""
    return "unknown" if value is None else f"{value:.4f}"


@register.simple_tag
def gate_sentence(standing: HeuristicStanding) -> str:
    """Say whether the gate is met, and what it still needs."""
    if standing.can_promote:
        return f"Met: at least {MIN_PRECISION} of at least {MIN_LINKS} reviewed links are right."
    needed = reviews_needed(standing.correct_links, standing.reviewed_links)
    links = "link" if needed == 1 else "links"
    if needed > MIN_LINKS - standing.reviewed_links:
        return f"Not met: needs {needed:,} more reviewed {links} without another wrong one."
    return f"Not met: needs at least {needed:,} more reviewed {links}."


def _in_order(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    names = [*(name for name in FIRST_FIELDS if name in value), *sorted(value.keys() - set(FIRST_FIELDS))]
    return {name: value[name] for name in names}
