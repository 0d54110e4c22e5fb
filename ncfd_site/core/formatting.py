"""Values as text and as HTML: the one way in which pages, commands and messages show them."""

import json
import re
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.timesince import timesince, timeuntil

UNKNOWN = "unknown"
BINARY_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
DURATION_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60))
# A unit of days, its length, and the distance from which it is used: 9 days are more precise than "1 week".
DATE_UNITS = (("year", 365, 730), ("month", 30, 60), ("week", 7, 21), ("day", 1, 1))
# One digit after the point rounds percentages up to this to 0.
ROUNDED_TO_ZERO = Decimal("0.05")
# Decimal exponents from which a number is shown in scientific notation.
SCIENTIFIC_FROM = 12
# Deeper JSON values are unreadable as nested lists; the raw form has them.
MAX_DEPTH = 5
# A registry record has lists of thousands of items.
MAX_ITEMS = 50
_FIELD = "<div><dt>{}</dt><dd>{}</dd></div>"

RenderText = Callable[[str], Any]


def format_capped_count(number: int, limit: int) -> str:
    """Return a number that was counted up to a limit: "more than 10,000" above it."""
    return f"more than {limit:,}" if number > limit else f"{number:,}"


def format_quantity(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: "1 link", "2,000 links"."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def format_number(number: Decimal) -> str:
    """Return a number to six digits after the point without trailing zeros, very large or small ones as 1.000E+15."""
    if abs(number.adjusted()) >= SCIENTIFIC_FROM:
        return f"{number:.3E}"
    return f"{round(number, 6).normalize():f}"


def format_signed(number: Decimal | float) -> str:
    """Return a number, such as log-odds, with its sign and four digits after the point."""
    return f"{number:+.4f}"


def format_percent(share: Decimal | float) -> str:
    """Return a share of 1 in percent with one digit after the point, or with three where one would show 0 or 100."""
    percent = Decimal(str(share)) * 100
    is_near_an_end = 0 < percent <= ROUNDED_TO_ZERO or 100 - ROUNDED_TO_ZERO <= percent < 100
    return f"{percent:.3f} %" if is_near_an_end else f"{percent:.1f} %"


def format_points(change: Decimal) -> str:
    """Return the difference of two shares of 1 in percentage points, with its sign."""
    points = change * 100
    return f"{points:+.1f} points" if not points or abs(points) > ROUNDED_TO_ZERO else f"{points:+.3f} points"


def format_size(size_bytes: int) -> str:
    """Return a number of bytes with a binary unit: 1.5 MiB."""
    amount = float(size_bytes)
    for unit in BINARY_UNITS:
        if amount < 1024 or unit == BINARY_UNITS[-1]:
            break
        amount /= 1024
    return f"{size_bytes:,} bytes" if unit == "bytes" else f"{amount:,.1f} {unit}"


def format_duration(duration: timedelta | float) -> str:
    """Return a duration or a number of seconds in its largest unit, rounded: "35 seconds", "2 minutes", "12 days"."""
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    for unit, length in DURATION_UNITS:
        if seconds >= 1.5 * length:
            return format_quantity(round(seconds / length), unit)
    return format_quantity(max(round(seconds), 1), "second")


def format_run_time(seconds: float) -> str:
    """Return a measured time exactly: 0.26 s, 12.3 s, 4 min 05 s, 1 h 02 min."""
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def format_moment(moment: datetime) -> str:
    """Return a moment to the second, with its zone."""
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S %Z}"


def format_age(moment: datetime) -> str:
    """Return the distance of a moment from now: "just now", "3 days ago", "in 2 hours"."""
    now = timezone.now()
    if abs(moment - now) < timedelta(minutes=1):
        return "just now"
    return f"in {timeuntil(moment, now, depth=1)}" if moment > now else f"{timesince(moment, now, depth=1)} ago"


def format_date_distance(day: date, today: date) -> str:
    """Return the distance of a day from today: "today", "in 3 months", "2 weeks ago"."""
    days = abs((day - today).days)
    if not days:
        return "today"
    unit, length = next((unit, length) for unit, length, from_days in DATE_UNITS if days >= from_days)
    distance = format_quantity(days // length, unit)
    return f"in {distance}" if day > today else f"{distance} ago"


def format_yes_no(value: bool) -> str:
    """Return "yes" or "no"."""
    return "yes" if value else "no"


def format_first(items: Collection[Any], limit: int, total: int | None = None) -> str:
    """Return the first items, separated by commas, and how many more there are of `total` (default: of the items)."""
    more = (len(items) if total is None else total) - min(len(items), limit)
    shown = ", ".join(str(item) for item, _ in zip(items, range(limit), strict=False))
    return f"{shown} and {more:,} more" if more else shown


def humanize_name(name: Any) -> str:
    """Return the name of a field or a stored value as words: `total_n` is "total n"."""
    return str(name).replace("_", " ").strip()


def unescape_markdown(text: str) -> str:
    """Return a text of the registry without the backslashes that Markdown needs: "\\>= 18 years" is ">= 18 years"."""
    return re.sub(r"\\([\\`*_{}\[\]()#+\-.!<>^~|&=])", r"\1", text)


def humanize_title(name: Any) -> str:
    """Return the name of a field as a label: `total_n` is "Total n"."""
    return str(capfirst(humanize_name(name)))


def is_web_address(text: str) -> bool:
    """Return whether a text is an http or https address; a link with another scheme could run a script."""
    if any(character.isspace() for character in text):
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def render_link(text: str) -> SafeString:
    """Return a web address as a link, other text as text."""
    if is_web_address(text):
        return format_html('<a href="{}" rel="noreferrer">{}</a>', text, text)
    return format_html("{}", text)


def render_quiet(text: str) -> SafeString:
    """Return muted text, as shown in place of an absent value."""
    return format_html('<span class="quiet">{}</span>', text)


def render_age(moment: datetime) -> SafeString:
    """Return the age of a moment, with the exact moment in its tooltip."""
    exact = format_moment(moment)
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact, format_age(moment))


def render_moment(moment: datetime) -> SafeString:
    """Return an exact moment followed by its age."""
    return format_html(
        '<time datetime="{}">{}</time> <span class="quiet">{}</span>',
        moment.isoformat(),
        format_moment(moment),
        format_age(moment),
    )


def render_json(value: Any, render_text: RenderText = str) -> SafeString:
    """Return a JSON value as nested fields; `render_text` renders each string inside it."""
    if value is None:
        return render_quiet("none")
    rendered = _render_json_part(value, render_text, 0)
    if not isinstance(value, Mapping | list) or not value:
        return rendered
    raw = json.dumps(value, indent=2, ensure_ascii=False, cls=DjangoJSONEncoder)
    return format_html(
        '<div class="json">{}<details><summary>Raw JSON</summary><pre>{}</pre></details></div>', rendered, raw
    )


def _render_json_part(value: Any, render_text: RenderText, depth: int) -> SafeString:
    if isinstance(value, Mapping | list) and not value:
        return render_quiet("empty")
    if depth >= MAX_DEPTH and (isinstance(value, Mapping) or not _is_flat(value)):
        return render_quiet("more levels in the raw JSON")
    if isinstance(value, Mapping):
        rows = ((humanize_title(key), _render_json_part(inner, render_text, depth + 1)) for key, inner in value.items())
        return format_html('<dl class="fields">{}</dl>', format_html_join("", _FIELD, rows))
    if isinstance(value, list):
        return _render_json_array(value, render_text, depth)
    if value is None:
        return render_quiet("none")
    if isinstance(value, bool):
        return format_html("{}", format_yes_no(value))
    if isinstance(value, str):
        return render_link(value) if is_web_address(value) else format_html("{}", render_text(value))
    return format_html('<span class="number">{}</span>', str(value))


def _render_json_array(value: list[Any], render_text: RenderText, depth: int) -> SafeString:
    shown = value[:MAX_ITEMS]
    omitted = len(value) - len(shown)
    more = format_html(" {}", render_quiet(f"and {omitted} more in the raw JSON")) if omitted else ""
    items = [(_render_json_part(inner, render_text, depth + 1),) for inner in shown]
    if _is_flat(shown):
        return format_html("{}{}", format_html_join(", ", "{}", items), more)
    return format_html("<ol>{}</ol>{}", format_html_join("", "<li>{}</li>", items), more)


def _is_flat(value: Any) -> bool:
    return not isinstance(value, list) or all(not isinstance(inner, Mapping | list) for inner in value)
