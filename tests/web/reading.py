"""What a person reads on a page: its text, without tags."""

import re
from html import unescape
from typing import Any, Protocol


class Answer(Protocol):
    """What the test client returns, as far as it is read here."""

    @property
    def content(self) -> Any:
        """The page in bytes."""


def text_of(page: Answer) -> str:
    """Return the words of a page with single spaces between them."""
    html = re.sub(r"(?s)<(script|style|option|title)\b.*?</\1>", " ", page.content.decode())
    words = unescape(re.sub(r"<[^>]*>", " ", html))
    return re.sub(r"\s+([.,;:])", r"\1", " ".join(words.split()))
