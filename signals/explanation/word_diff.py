"""Two texts word by word: what both have, what went, and what came."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WORD = re.compile(r"\s+|\w+|[^\w\s]")
# Comparing takes words before times words after; more than this on one page would keep a person waiting.
MOST_COMPARED = 4_000_000

Kind = Literal["same", "gone", "new"]


@dataclass(frozen=True, slots=True)
class Part:
    """A run of words, and whether both texts have it."""

    kind: Kind
    text: str


class WordDiff:
    """Compares texts of one page; `left` is how many comparisons of words it may still cost."""

    def __init__(self, left: int = MOST_COMPARED) -> None:
        self.left = left

    def parts(self, before: str, after: str) -> list[Part]:
        """Return both texts as one row of parts; those that are not "new" make the first, not "gone" the second."""
        old, new = WORD.findall(before), WORD.findall(after)
        head = _count_common_prefix(old, new)
        tail = _count_common_prefix(old[head:][::-1], new[head:][::-1])
        middle = self._diff_middle(old[head : len(old) - tail], new[head : len(new) - tail])
        ends = [Part("same", "".join(old[:head])), *middle, Part("same", "".join(old[len(old) - tail :]))]
        return _join_changes(ends)

    def sides(self, before: str, after: str) -> tuple[SafeString, SafeString]:
        """Render both texts: what went is <del> in the first, what came is <ins> in the second."""
        parts = self.parts(before, after)
        return _render_marked_parts(parts, "gone", "del"), _render_marked_parts(parts, "new", "ins")

    def _diff_middle(self, old: list[str], new: list[str]) -> list[Part]:
        cost = len(old) * len(new)
        if cost > self.left:
            return [Part("gone", "".join(old)), Part("new", "".join(new))]
        self.left -= cost
        parts: list[Part] = []
        for what, i, j, k, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if what == "equal":
                parts.append(Part("same", "".join(old[i:j])))
            else:
                parts += [Part("gone", "".join(old[i:j])), Part("new", "".join(new[k:end]))]
        return parts


def _count_common_prefix(old: Sequence[str], new: Sequence[str]) -> int:
    count = 0
    for one, other in zip(old, new, strict=False):
        if one != other:
            break
        count += 1
    return count


def _join_changes(parts: list[Part]) -> list[Part]:
    """Join neighboring changes: a space between two changed words is changed with them."""
    joined: list[Part] = []
    gone = new = ""
    filled = [part for part in parts if part.text]
    for index, part in enumerate(filled):
        is_gap = part.kind == "same" and part.text.isspace() and bool(gone or new) and index + 1 < len(filled)
        if part.kind == "gone" or is_gap:
            gone += part.text
        if part.kind == "new" or is_gap:
            new += part.text
        if part.kind == "same" and not is_gap:
            joined += [Part("gone", gone), Part("new", new), part]
            gone = new = ""
    return [part for part in [*joined, Part("gone", gone), Part("new", new)] if part.text]


def _render_marked_parts(parts: list[Part], kind: Kind, tag: str) -> SafeString:
    # The tag is a word of this file.
    marked = f"<{tag}>{{}}</{tag}>"
    return format_html_join(
        "",
        "{}",
        (
            (format_html(marked, part.text) if part.kind == kind else part.text,)
            for part in parts
            if part.kind in (kind, "same")
        ),
    )
