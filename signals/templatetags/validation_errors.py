"""Template filters for validation errors and their cards."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ncfd_site.core.formatting import render_json
from signals.models import StagingError
from signals.validation_errors.queries import Missing

register = template.Library()


@register.filter
def fields_in_words(card: Any) -> str:
    """Return how much of a card there is to unfold."""
    if not isinstance(card, Mapping):
        return "recorded value"
    return f"{len(card)} field{'' if len(card) == 1 else 's'}"


@register.filter
def card_with_gaps(error: StagingError, missing: Iterable[Missing]) -> SafeString:
    """Render the card of an error as fields, with what it lacked named above as gaps."""
    gaps = format_html_join(
        "",
        '<div class="gap"><dt>{}</dt><dd><span class="still">⚠ missing</span></dd></div>',
        ((field.words.partition(":")[0],) for field in missing),
    )
    drawn = render_json(error.extracted_jsonb)
    return format_html("{}{}", format_html('<dl class="fields gaps">{}</dl>', gaps) if gaps else "", drawn)
