"""Records of a JSON file: JSON lines, an API page, an array or one object, recognized by its beginning."""

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from ncfd_site.ingest.files import BUFFER, DAMAGE, Advance, bare_suffix, open_file, read_lines
from ncfd_site.ingest.json_pieces import JsonPieces
from ncfd_site.ingest.records import InvalidRecord, Record, RejectedRecord, SourceLocation
from ncfd_site.ingest.text import decode_utf8, require_storable

# Registry records are about ten levels deep; functions on them recurse.
MAX_DEPTH = 100


def parse_json(raw: bytes) -> Any:
    """Return the value of JSON text.

    Raises `InvalidRecord` for invalid UTF-8 or JSON, NaN, infinity, NUL, lone surrogates and excessive nesting.
    """
    text = decode_utf8(raw)
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise InvalidRecord(f"not JSON: {error.msg} at position {error.pos + 1}") from None
    except RecursionError:
        raise InvalidRecord("unusable JSON: nested too deeply") from None
    except InvalidRecord:
        raise
    except ValueError:
        # Python refuses integers of more than 4,300 digits.
        raise InvalidRecord("unusable JSON: a number has too many digits") from None
    _require_shallow(value)
    if "\\u" in text or "\x00" in text:
        require_storable(value)
    return value


def _require_shallow(value: Any) -> None:
    level, depth = [value] if isinstance(value, dict | list) else [], 0
    while level:
        if depth > MAX_DEPTH:
            raise InvalidRecord("unusable JSON: nested too deeply")
        depth += 1
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]


def canonical_json(value: Any) -> str:
    """Return the canonical JSON of a value: sorted keys, no spaces, UTF-8 characters unescaped."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def hash_json(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidRecord(f"not JSON: {name} is not a number")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise InvalidRecord(f"unusable JSON: the number {digits[:40]} is too large")
    return number


LINE_SUFFIXES = (".jsonl", ".ndjson")
SUFFIXES = (*LINE_SUFFIXES, ".json")

Records = Iterator[Record[Any] | RejectedRecord]


def read_json_records(path: Path, key: str, advance: Advance | None = None) -> Records:
    """Yield every record of the file; `key` names the array of records in an API page, such as "studies"."""
    with open_file(path, advance) as stream:
        if bare_suffix(path) in LINE_SUFFIXES or _is_lines(stream, key):
            yield from _from_lines(path, stream)
        else:
            for piece in JsonPieces(stream, key):
                place = SourceLocation(str(path), piece.line, piece.number)
                yield RejectedRecord(place, piece.error) if piece.error else _read(place, piece.text)


def _is_lines(stream: io.BufferedReader, key: str) -> bool:
    try:
        beginning = stream.peek(BUFFER)
    except DAMAGE:
        # The next read meets the damage again and reports it.
        return True
    first, end, more = beginning.lstrip(b"\xef\xbb\xbf \t\r\n").partition(b"\n")
    if not end or not more.strip() or not first.startswith(b"{"):
        return False
    try:
        value = parse_json(first)
    except InvalidRecord:
        return False
    return isinstance(value, dict) and key not in value


def _from_lines(path: Path, stream: io.BufferedReader) -> Records:
    for line in read_lines(stream):
        place = SourceLocation(str(path), line.number)
        text = line.text.removeprefix(b"\xef\xbb\xbf") if line.number == 1 else line.text
        if line.error:
            yield RejectedRecord(place, line.error)
        elif text.strip():
            yield _read(place, text)


def _read(place: SourceLocation, text: bytes) -> Record[Any] | RejectedRecord:
    try:
        return Record(place, parse_json(text), len(text))
    except InvalidRecord as invalid:
        return RejectedRecord(place, str(invalid))
