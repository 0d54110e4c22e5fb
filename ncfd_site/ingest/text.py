"""Text that the database can hold: no NUL, no half characters, no blanks around it."""

import re
import unicodedata
from typing import Any

from ncfd_site.ingest.records import InvalidRecord

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def decoded(raw: bytes) -> str:
    """The bytes as text; raises `Unfit` where they are not UTF-8."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidRecord(f"not UTF-8: byte 0x{raw[error.start]:02x} at position {error.start + 1}") from None


def require_storable(value: Any) -> None:
    """Raise `Unfit` where a text anywhere inside a JSON value holds a NUL or half of a surrogate pair."""
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, str):
            if match := _UNSTORABLE.search(inner):
                kind = "a NUL character" if match[0] == "\x00" else "half of a surrogate pair"
                raise InvalidRecord(f"holds {kind}, which the database cannot store")
        elif isinstance(inner, dict):
            waiting.extend(inner)
            waiting.extend(inner.values())
        elif isinstance(inner, list):
            waiting.extend(inner)


def one_line(text: str) -> str:
    """The text with every run of blanks, line ends too, as one space, and none around it."""
    return " ".join(text.split())


def folded(text: str) -> str:
    """The text for comparison: compatibility characters and case folded, blanks as in `one_line`."""
    # Folding can undo the composition and composing can undo the folding: twice is enough to come to rest.
    once = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return one_line(unicodedata.normalize("NFKC", once.casefold()))


def at_most(text: str, limit: int, what: str) -> str:
    """The text itself; raises `Unfit` where it is longer than `limit` characters."""
    if len(text) > limit:
        raise InvalidRecord(f"{what} has {len(text):,} characters, at most {limit:,} fit")
    return text
