"""JSON values as nested HTML lists, with the raw form folded away below."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ncfd_site.core.formatting import format_yes_no, humanize_title, is_web_address, render_link, render_quiet

# Deeper values are unreadable as nested lists; the raw form has them.
MAX_DEPTH = 5
# A registry record has lists of thousands of items.
MAX_ITEMS = 50

RenderText = Callable[[str], Any]


def render_json(value: Any, render_text: RenderText = str) -> SafeString:
    """Return a JSON value as nested fields; `render_text` renders each string inside it."""
    if value is None:
        return render_quiet("none")
    rendered = _render(value, render_text, 0)
    if not isinstance(value, Mapping | list) or not value:
        return rendered
    raw = json.dumps(value, indent=2, ensure_ascii=False, cls=DjangoJSONEncoder)
    return format_html(
        '<div class="json">{}<details><summary>Raw JSON</summary><pre>{}</pre></details></div>', rendered, raw
    )


def _render(value: Any, render_text: RenderText, depth: int) -> SafeString:
    if isinstance(value, Mapping | list) and not value:
        return render_quiet("empty")
    if depth >= MAX_DEPTH and (isinstance(value, Mapping) or not _is_flat(value)):
        return render_quiet("more levels in the raw JSON")
    if isinstance(value, Mapping):
        return _render_fields(value, render_text, depth)
    if isinstance(value, list):
        return _render_items(value, render_text, depth)
    if value is None:
        return render_quiet("none")
    if isinstance(value, bool):
        return format_html("{}", format_yes_no(value))
    if isinstance(value, str):
        return render_link(value) if is_web_address(value) else format_html("{}", render_text(value))
    return format_html('<span class="number">{}</span>', str(value))


def _render_fields(value: Mapping[str, Any], render_text: RenderText, depth: int) -> SafeString:
    fields = format_html_join(
        "",
        "<div><dt>{}</dt><dd>{}</dd></div>",
        ((humanize_title(name), _render(inner, render_text, depth + 1)) for name, inner in value.items()),
    )
    return format_html('<dl class="fields">{}</dl>', fields)


def _render_items(value: list[Any], render_text: RenderText, depth: int) -> SafeString:
    shown = value[:MAX_ITEMS]
    omitted = len(value) - len(shown)
    more = format_html(" {}", render_quiet(f"and {omitted} more in the raw JSON")) if omitted else ""
    items = [(_render(inner, render_text, depth + 1),) for inner in shown]
    if _is_flat(shown):
        return format_html("{}{}", format_html_join(", ", "{}", items), more)
    return format_html("<ol>{}</ol>{}", format_html_join("", "<li>{}</li>", items), more)


def _is_flat(value: Any) -> bool:
    return not isinstance(value, list) or all(not isinstance(inner, Mapping | list) for inner in value)
