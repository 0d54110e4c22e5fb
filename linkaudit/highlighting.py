"""Mark an asset's names and a trial's number inside plain text, as safe HTML."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

# A name of one letter would mark half the page.
SHORTEST_NAME = 2
# The plain hyphen last: elsewhere inside of brackets it would make a range.
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2212-"

Kind = Literal["asset", "trial"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What to look for: the names of an asset, and a trial's registration number ("" where there is none)."""

    asset_names: Sequence[str] = ()
    trial_number: str = ""


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A text as HTML with `<mark>` elements, and how often each kind was found in it."""

    html: SafeString
    asset_count: int
    trial_count: int


def mark_terms(text: str, terms: Terms) -> MarkedText:
    """Return `text` escaped, with every whole occurrence of a term inside `<mark class="asset">` or `"trial"`.

    Case does not matter; space and hyphens inside a name match each other ("AB-101", "AB 101", "AB101").
    """
    pattern = _pattern(terms)
    if pattern is None:
        return MarkedText(escape(text), 0, 0)
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
    return MarkedText(mark_safe("".join(parts)), counts["asset"], counts["trial"])  # noqa: S308


def mark_terms_around(text: str, terms: Terms, start: int, end: int) -> MarkedText:
    """As `mark_terms`, with the characters from `start` up to `end` inside `<span class="quote" id="quote">`."""
    parts = [mark_terms(part, terms) for part in (text[:start], text[start:end], text[end:])]
    before, inside, after = (part.html for part in parts)
    return MarkedText(
        format_html('{}<span class="quote" id="quote">{}</span>{}', before, inside, after),
        sum(part.asset_count for part in parts),
        sum(part.trial_count for part in parts),
    )


def _pattern(terms: Terms) -> re.Pattern[str] | None:
    groups = []
    if terms.trial_number.strip():
        groups.append(f"(?P<trial>{_alternatives([terms.trial_number])})")
    names = [name for name in terms.asset_names if len(name.strip()) >= SHORTEST_NAME]
    if names:
        groups.append(f"(?P<asset>{_alternatives(names)})")
    if not groups:
        return None
    return re.compile(rf"(?<!\w)(?:{'|'.join(groups)})(?!\w)", re.IGNORECASE)


def _alternatives(names: Iterable[str]) -> str:
    # The longest first, so that "insulin glargine" wins over "insulin".
    return "|".join(_flexible(name) for name in sorted(set(names), key=lambda name: (-len(name), name)))


def _flexible(name: str) -> str:
    words = [re.escape(word) for word in re.split(rf"[\s{DASHES}]+", name.strip()) if word]
    if not words:
        return re.escape(name.strip())
    return rf"[\s{DASHES}]*".join(words)
