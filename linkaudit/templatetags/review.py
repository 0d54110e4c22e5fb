"""Keys and decisions on the pages of the desk."""

import logging

from django import template
from django.db import Error
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from linkaudit.models import LinkDisagreement
from linkaudit.review.keys import keys_of

register = template.Library()
log = logging.getLogger(__name__)

SIGNS = {"right": "\u2713", "wrong": "\u2717", "unsure": "?", "cleared": "\u25cb", "undone": "\u21b6"}
OFF = SafeString('<meta name="keys" content="off">')
WORDS = {"cleared": "cleared"}


@register.simple_tag
def key(letter: str) -> SafeString | str:
    """The attribute by which a key reaches an element; nothing where there is no key."""
    return format_html(' data-key="{}"', letter) if letter else ""


@register.simple_tag
def hint(letter: str) -> SafeString | str:
    """Show the key of an element; nothing where there is none."""
    return format_html(" <kbd>{}</kbd>", letter.upper()) if letter else ""


@register.simple_tag(takes_context=True)
def keys_setting(context: template.Context) -> SafeString | str:
    """Tell the script where a person wants no keys."""
    request: HttpRequest | None = context.get("request")
    if request is None or not hasattr(request, "user") or keys_of(request).on:
        return ""
    return OFF


@register.simple_tag
def disagreements_open() -> int:
    """How many links wait for an adjudicator; 0 where that cannot be counted.

    It stands above every page, and none of them must fail for it.
    """
    try:
        return LinkDisagreement.objects.count()
    except Error:
        log.exception("What waits for an adjudicator could not be counted")
        return 0


@register.filter
def said(decision: str) -> SafeString:
    """Draw a decision as a sign and a word; the word alone says it all."""
    sign, word = SIGNS[decision], WORDS.get(decision, decision)
    return format_html('<span class="verdict {}"><span aria-hidden="true">{}</span> {}</span>', decision, sign, word)
