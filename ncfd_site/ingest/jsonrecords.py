"""Records of a JSON file: JSON lines, a page of an API, an array, one object; the form is told from its beginning."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ncfd_site.ingest.files import BUFFER, Advance, bare_suffix, opened
from ncfd_site.ingest.jsonarray import JsonPieces
from ncfd_site.ingest.jsontext import parsed
from ncfd_site.ingest.lines import DAMAGE, lines
from ncfd_site.ingest.records import InvalidRecord, Record, RejectedRecord, SourceLocation

LINE_SUFFIXES = (".jsonl", ".ndjson")
SUFFIXES = (*LINE_SUFFIXES, ".json")

Records = Iterator[Record[Any] | RejectedRecord]


def json_records(path: Path, key: str, advance: Advance | None = None) -> Records:
    """Every record of the file, one at a time; `key` names the array of records inside a page, such as "studies"."""
    with opened(path, advance) as stream:
        if bare_suffix(path) in LINE_SUFFIXES or _is_lines(stream, key):
            yield from _from_lines(path, stream)
        else:
            for piece in JsonPieces(stream, key):
                place = SourceLocation(str(path), piece.line, piece.number)
                yield RejectedRecord(place, piece.trouble) if piece.trouble else _read(place, piece.text)


def _is_lines(stream: io.BufferedReader, key: str) -> bool:
    try:
        beginning = stream.peek(BUFFER)
    except DAMAGE:
        # Whoever reads on meets the damage again, and reports it.
        return True
    first, end, more = beginning.lstrip(b"\xef\xbb\xbf \t\r\n").partition(b"\n")
    if not end or not more.strip() or not first.startswith(b"{"):
        return False
    try:
        value = parsed(first)
    except InvalidRecord:
        return False
    return isinstance(value, dict) and key not in value


def _from_lines(path: Path, stream: io.BufferedReader) -> Records:
    for line in lines(stream):
        place = SourceLocation(str(path), line.number)
        text = line.text.removeprefix(b"\xef\xbb\xbf") if line.number == 1 else line.text
        if line.trouble:
            yield RejectedRecord(place, line.trouble)
        elif text.strip():
            yield _read(place, text)


def _read(place: SourceLocation, text: bytes) -> Record[Any] | RejectedRecord:
    try:
        return Record(place, parsed(text), len(text))
    except InvalidRecord as unfit:
        return RejectedRecord(place, str(unfit))
