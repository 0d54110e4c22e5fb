"""Where the words stand that a heuristic quotes as its evidence, and whether they still stand there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from linkaudit.documents import TextPage


@dataclass(frozen=True, slots=True)
class Quote:
    """Words at a place: the page from 1, and code points on it, the first from 0 and one past the last."""

    words: str
    page_no: int
    start: int
    end: int

    def stands_on(self, page: TextPage) -> bool:
        """Whether the page has these very words at this place."""
        return page.number == self.page_no and page.text[self.start : self.end] == self.words


def quote_of(evidence: Any) -> Quote | None:
    """Return the quote that the evidence holds with its place; None where it holds none, or half of one."""
    if not isinstance(evidence, Mapping):
        return None
    words = evidence.get("quote")
    place = [evidence.get(name) for name in ("page_no", "char_start", "char_end")]
    if not isinstance(words, str) or not words or not all(type(number) is int for number in place):
        return None
    page_no, start, end = (int(number) for number in place if number is not None)
    return Quote(words, page_no, start, end) if 0 <= start < end else None
