"""Template tags of labels, decisions, samples and keyboard shortcuts."""

import logging
from decimal import Decimal
from typing import Any

from django import template
from django.db import Error
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from linkaudit.claims import Terms, highlight
from linkaudit.models import LinkDisagreement
from linkaudit.queries import MIN_LINKS, MIN_PRECISION, HeuristicStatus
from linkaudit.review.shortcuts import load_shortcuts
from linkaudit.sampling.queries import Outcomes
from linkaudit.selection import LABEL_NAMES
from ncfd_site.core.formatting import format_quantity, render_json

register = template.Library()
log = logging.getLogger(__name__)

SIGNS = {"right": "\u2713", "wrong": "\u2717", "unsure": "?", "open": "\u25cb", "cleared": "\u25cb", "undone": "\u21b6"}
SHORTCUTS_OFF = SafeString('<meta name="keys" content="off">')
# The database does not keep the order of fields. These come first.
FIRST_FIELDS = ("quote", "page_no", "char_start", "char_end", "matched_alias")
OUTCOME_LABELS = {
    "right": "right",
    "wrong": "wrong",
    "deleted": "deleted (counts as wrong)",
    "disputed": "disputed",
    "awaiting_second": "awaiting a second opinion",
    "reassigned": "moved to another heuristic",
    "open": "open",
}


@register.filter
def decision(name: str) -> SafeString:
    """Render a decision as a sign and a word; the word alone is complete."""
    return format_html('<span class="status {}"><span aria-hidden="true">{}</span> {}</span>', name, SIGNS[name], name)


@register.filter
def label(value: bool | None) -> SafeString:
    """Render a label (True right, False wrong, None open) as a sign and a word."""
    return decision(LABEL_NAMES[value])


@register.simple_tag
def evidence(value: Any, terms: Terms) -> SafeString:
    """Render the evidence of a link as fields, with highlights."""
    if isinstance(value, dict):
        names = [*(name for name in FIRST_FIELDS if name in value), *sorted(value.keys() - set(FIRST_FIELDS))]
        value = {name: value[name] for name in names}
    return render_json(value, lambda text: highlight(text, terms).html)


@register.filter
def rate(value: Decimal | float | None) -> str:
    """Return a rate between 0 and 1 with four digits, as the database does, or "unknown"."""
    return "unknown" if value is None else f"{value:.4f}"


@register.simple_tag
def promotion_rule(status: HeuristicStatus) -> str:
    """Return a phrase: the promotion rule is met, or how many more links it needs."""
    if status.can_promote:
        return f"Met (\u2265 {100 * MIN_PRECISION:.0f} % of \u2265 {MIN_LINKS} reviewed)"
    needed = status.needed_links
    if needed > MIN_LINKS - status.reviewed_links:
        return f"Not met: needs {needed:,} more correct, no errors"
    return f"Not met: needs at least {format_quantity(needed, 'more reviewed link')}"


@register.filter
def outcomes(found: Outcomes) -> str:
    """Return the number of slots by outcome, without zeros."""
    counts = {text: getattr(found, name) for name, text in OUTCOME_LABELS.items()}
    return ", ".join(f"{count:,} {text}" for text, count in counts.items() if count)


@register.simple_tag
def key(letter: str) -> SafeString | str:
    """Render the HTML attribute that binds a key to an element; nothing without a key."""
    return format_html(' data-key="{}"', letter) if letter else ""


@register.simple_tag
def hint(letter: str) -> SafeString | str:
    """Render a key as a hint beside its element; nothing without a key."""
    return format_html(" <kbd>{}</kbd>", letter.upper()) if letter else ""


@register.simple_tag(takes_context=True)
def shortcuts_setting(context: template.Context) -> SafeString | str:
    """Render the element that turns shortcuts off for the script, if the user turned them off."""
    request: HttpRequest | None = context.get("request")
    has_user = request is not None and hasattr(request, "user")
    return SHORTCUTS_OFF if request is not None and has_user and not load_shortcuts(request).is_on else ""


@register.simple_tag
def disagreement_count() -> int:
    """Return the number of links awaiting adjudication, or 0 if the database fails.

    Every page shows it, and no page may fail because of it.
    """
    try:
        return LinkDisagreement.objects.count()
    except Error:
        log.exception("Cannot count the links awaiting adjudication")
        return 0
