"""Text and dates that the database can hold."""

import re
import unicodedata
from datetime import date
from typing import Any

from ncfd_site.ingest.records import InvalidRecord

EARLIEST, LATEST = 1900, 2199
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T[\d:.Z+-]*)?)?)?", re.ASCII)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def decode_utf8(raw: bytes) -> str:
    """Return the bytes as text; raises `InvalidRecord` when they are not UTF-8."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidRecord(f"not UTF-8: byte 0x{raw[error.start]:02x} at position {error.start + 1}") from None


def require_storable(value: Any) -> None:
    """Raise `InvalidRecord` when a text inside a JSON value holds NUL or a lone surrogate."""
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, str):
            if match := _UNSTORABLE.search(inner):
                kind = "a NUL character" if match[0] == "\x00" else "a lone surrogate"
                raise InvalidRecord(f"holds {kind}, which the database cannot store")
        elif isinstance(inner, dict):
            waiting.extend(inner)
            waiting.extend(inner.values())
        elif isinstance(inner, list):
            waiting.extend(inner)


def collapse_spaces(text: str) -> str:
    """Return the text with every run of white space as one space, and none at the ends."""
    return " ".join(text.split())


def fold_text(text: str) -> str:
    """Return the text for comparisons: compatibility characters and case folded, spaces collapsed."""
    # Folding can undo composition and composition can undo folding; the second pass is a fixed point.
    once = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return collapse_spaces(unicodedata.normalize("NFKC", once.casefold()))


def require_length(text: str, limit: int, what: str) -> str:
    """Return the text; raises `InvalidRecord` when it is longer than `limit` characters."""
    if len(text) > limit:
        raise InvalidRecord(f"{what} has {len(text):,} characters, at most {limit:,} fit")
    return text


def parse_partial_date(text: str, what: str) -> date:
    """Return the date of YYYY-MM-DD, or the first day of YYYY-MM or YYYY.

    Raises `InvalidRecord`, naming `what`, for any other text and for years outside 1900 to 2199.
    """
    match = _DATE.fullmatch(text.strip())
    # Without a match, month 0 fails as month 13 does.
    parts = (int(match[1]), int(match[2] or 1), int(match[3] or 1)) if match else (1, 0, 0)
    try:
        day = date(*parts)
    except ValueError:
        raise InvalidRecord(f"{what} is {text[:40]!r}, which is not a date (YYYY-MM-DD, YYYY-MM or YYYY)") from None
    if not EARLIEST <= day.year <= LATEST:
        raise InvalidRecord(f"{what} is {text[:40]!r}, outside the years {EARLIEST} to {LATEST}")
    return day
