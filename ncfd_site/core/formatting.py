"""Values as a person reads them: JSON as fields, moments as ages, bytes with units, addresses as links."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.timesince import timesince, timeuntil

# Deeper nesting than this is shown in the raw form only: fields inside fields stop being readable.
DEEPEST = 5
# A registry record has thousands of fields; the page stays readable, and the raw form has them all.
LONGEST_LIST = 50
BINARY_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")

Text = Callable[[str], Any]


def json_fields(value: Any, text: Text = str) -> SafeString:
    """Draw a JSON value as fields, with the raw form folded away below; `text` draws the texts inside."""
    if value is None:
        return quiet("none")
    drawn = _draw(value, text, 0)
    if not isinstance(value, Mapping | list) or not value:
        return drawn
    raw = json.dumps(value, indent=2, ensure_ascii=False, cls=DjangoJSONEncoder)
    return format_html(
        '<div class="json">{}<details><summary>Raw form</summary><pre>{}</pre></details></div>', drawn, raw
    )


def moment(value: datetime) -> SafeString:
    """Draw a moment as its age, with the exact moment and its zone in the title."""
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(), exactly(value), _age(value))


def moment_in_full(value: datetime) -> SafeString:
    """Draw a moment exactly, with its age behind it."""
    return format_html(
        '<time datetime="{}">{}</time> <span class="quiet">{}</span>', value.isoformat(), exactly(value), _age(value)
    )


def exactly(value: datetime) -> str:
    """Return a moment to the second, with its zone."""
    return f"{timezone.localtime(value):%Y-%m-%d %H:%M:%S %Z}"


def yes_or_no(value: bool) -> str:
    """A truth value in words."""
    return "yes" if value else "no"


def size(count: int) -> str:
    """Return a number of bytes with a binary unit, such as 1.5 MiB."""
    amount = float(count)
    for unit in BINARY_UNITS:
        if amount < 1024 or unit == BINARY_UNITS[-1]:
            break
        amount /= 1024
    return f"{count:,} bytes" if unit == "bytes" else f"{amount:,.1f} {unit}"


def address(text: str) -> SafeString:
    """Draw an address as a link where it is one of the web; other text stays text."""
    if is_web_address(text):
        return format_html('<a href="{}" rel="noreferrer">{}</a>', text, text)
    return format_html("{}", text)


def is_web_address(text: str) -> bool:
    """Whether a text is an http or https address; other schemes could run a script."""
    if any(character.isspace() for character in text):
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def quiet(text: str) -> SafeString:
    """Draw words that stand for an absent value."""
    return format_html('<span class="quiet">{}</span>', text)


def in_words(name: Any) -> str:
    """Return a name of a field as words: `total_n` is "Total n"."""
    return str(capfirst(str(name).replace("_", " ").strip()))


def _age(value: datetime) -> str:
    now = timezone.now()
    if abs(value - now) < timedelta(minutes=1):
        return "just now"
    if value > now:
        return f"in {timeuntil(value, now, depth=1)}"
    return f"{timesince(value, now, depth=1)} ago"


def _draw(value: Any, text: Text, depth: int) -> SafeString:
    if isinstance(value, Mapping | list) and not value:
        return quiet("empty")
    if depth >= DEEPEST and (isinstance(value, Mapping) or not _is_plain(value)):
        return quiet("nested deeper, see the raw form")
    if isinstance(value, Mapping):
        return _fields(value, text, depth)
    if isinstance(value, list):
        return _items(value, text, depth)
    if value is None:
        return quiet("none")
    if isinstance(value, bool):
        return format_html("{}", yes_or_no(value))
    if isinstance(value, str):
        return address(value) if is_web_address(value) else format_html("{}", text(value))
    return format_html('<span class="number">{}</span>', str(value))


def _fields(value: Mapping[str, Any], text: Text, depth: int) -> SafeString:
    fields = format_html_join(
        "",
        "<div><dt>{}</dt><dd>{}</dd></div>",
        ((in_words(name), _draw(inner, text, depth + 1)) for name, inner in value.items()),
    )
    return format_html('<dl class="fields">{}</dl>', fields)


def _items(value: list[Any], text: Text, depth: int) -> SafeString:
    shown = value[:LONGEST_LIST]
    left = len(value) - len(shown)
    more = format_html(" {}", quiet(f"and {left} more, see the raw form")) if left else ""
    if _is_plain(shown):
        plain = format_html_join(", ", "{}", ((_draw(inner, text, depth + 1),) for inner in shown))
        return format_html("{}{}", plain, more)
    items = format_html_join("", "<li>{}</li>", ((_draw(inner, text, depth + 1),) for inner in shown))
    return format_html("<ol>{}</ol>{}", items, more)


def _is_plain(value: Any) -> bool:
    return not isinstance(value, list) or all(not isinstance(inner, Mapping | list) for inner in value)
