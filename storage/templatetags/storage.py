"""How the numbers of content are drawn."""

from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ncfd_site.core.formatting import format_count

register = template.Library()


@register.simple_tag(takes_context=True)
def number(context: dict[str, Any], value: int, list_name: str) -> SafeString:
    """Draw a number as a link to its rows, for those who may open the lists of the admin."""
    if not context["request"].user.is_staff:
        return format_html("<strong>{}</strong>", format_count(value))
    return format_html('<a href="{}"><strong>{}</strong></a>', reverse(list_name), format_count(value))
