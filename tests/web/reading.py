"""The visible text of a page."""

import re
from html import unescape
from typing import Any, Protocol


class Answer(Protocol):
    """A response of the test client."""

    @property
    def content(self) -> Any:
        """The body."""


def text_of(page: Answer) -> str:
    """Return the text of a page without tags, with single spaces."""
    html = re.sub(r"(?s)<(script|style|option|title)\b.*?</\1>", " ", page.content.decode())
    words = unescape(re.sub(r"<[^>]*>", " ", html))
    return re.sub(r"\s+([.,;:])", r"\1", " ".join(words.split()))
