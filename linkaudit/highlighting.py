"""Highlighting of an asset's names and a trial's NCT ID in plain text, as safe HTML."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

# A name of one letter would highlight half of the page.
MIN_NAME_LENGTH = 2
# The plain hyphen is last: elsewhere in a character class it would make a range.
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2212-"

Kind = Literal["asset", "trial"]


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms to highlight: the names of an asset, and an NCT ID ("" for none)."""

    asset_names: Sequence[str] = ()
    nct_id: str = ""


@dataclass(frozen=True, slots=True)
class HighlightedText:
    """A text as HTML with `<mark>` elements, and the number of matches of each kind."""

    html: SafeString
    asset_count: int
    trial_count: int


def highlight(text: str, terms: Terms) -> HighlightedText:
    """Return `text` escaped, with each whole occurrence of a term in `<mark class="asset">` or `"trial"`.

    Case is ignored; spaces and hyphens in a name match each other ("AB-101", "AB 101", "AB101").
    """
    pattern = _compile(terms)
    if pattern is None:
        return HighlightedText(escape(text), 0, 0)
    counts: dict[Kind, int] = {"asset": 0, "trial": 0}
    parts: list[str] = []
    position = 0
    for match in pattern.finditer(text):
        kind: Kind = "trial" if match.lastgroup == "trial" else "asset"
        counts[kind] += 1
        parts.append(escape(text[position : match.start()]))
        parts.append(f'<mark class="{kind}">{escape(match.group())}</mark>')
        position = match.end()
    parts.append(escape(text[position:]))
    # Every part is escaped above, and the tag around a match is a constant.
    return HighlightedText(mark_safe("".join(parts)), counts["asset"], counts["trial"])  # noqa: S308


def highlight_with_quote(text: str, terms: Terms, start: int, end: int) -> HighlightedText:
    """Highlight `text`, with the characters from `start` to `end` in `<span class="quote" id="quote">`."""
    parts = [highlight(part, terms) for part in (text[:start], text[start:end], text[end:])]
    before, inside, after = (part.html for part in parts)
    return HighlightedText(
        format_html('{}<span class="quote" id="quote">{}</span>{}', before, inside, after),
        sum(part.asset_count for part in parts),
        sum(part.trial_count for part in parts),
    )


def _compile(terms: Terms) -> re.Pattern[str] | None:
    groups = []
    if terms.nct_id.strip():
        groups.append(f"(?P<trial>{_alternatives([terms.nct_id])})")
    names = [name for name in terms.asset_names if len(name.strip()) >= MIN_NAME_LENGTH]
    if names:
        groups.append(f"(?P<asset>{_alternatives(names)})")
    if not groups:
        return None
    return re.compile(rf"(?<!\w)(?:{'|'.join(groups)})(?!\w)", re.IGNORECASE)


def _alternatives(names: Iterable[str]) -> str:
    # Longest first, so that "insulin glargine" wins over "insulin".
    return "|".join(_flexible(name) for name in sorted(set(names), key=lambda name: (-len(name), name)))


def _flexible(name: str) -> str:
    words = [re.escape(word) for word in re.split(rf"[\s{DASHES}]+", name.strip()) if word]
    return rf"[\s{DASHES}]*".join(words) if words else re.escape(name.strip())
