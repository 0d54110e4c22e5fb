"""How samples and their looks are drawn."""

from django import template

from linkaudit.sampling.outcomes import Outcomes

register = template.Library()


@register.filter
def outcomes(found: Outcomes) -> str:
    """Say what became of the places of a sample, without what did not happen."""
    parts = [
        (found.right, "right"),
        (found.wrong, "wrong"),
        (found.deleted, "deleted (count as wrong)"),
        (found.disputed, "disputed"),
        (found.waiting, "waiting for a second opinion"),
        (found.moved, "of another heuristic by then"),
        (found.open, "open"),
    ]
    return ", ".join(f"{count:,} {words}" for count, words in parts if count)
