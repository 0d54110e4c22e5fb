"""What every page of the site and the admin can show."""

from datetime import datetime

from django import template
from django.utils.safestring import SafeString

from ncfd_site.core import formatting
from ncfd_site.core.demo_flag import is_demonstration

register = template.Library()


@register.simple_tag
def demonstration() -> bool:
    """Whether the page has to say that its data is generated."""
    return is_demonstration()


@register.filter
def ago(value: datetime | None) -> SafeString | str:
    """Draw a moment as its age, with the exact moment and its zone in the title; nothing for None."""
    return formatting.moment(value) if value else ""


@register.filter
def thousands(value: int) -> str:
    """Write a whole number with separators: 11,960."""
    return f"{value:,}"


@register.filter
def spaced(name: str) -> str:
    """Write a name of the database as words: shared_words is shared words."""
    return str(name).replace("_", " ")
