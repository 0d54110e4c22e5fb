"""Records of a JSON file: JSON lines, an API page, an array or one object, recognized by its beginning."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ncfd_site.ingest.files import BUFFER, Advance, bare_suffix, open_file
from ncfd_site.ingest.json_pieces import JsonPieces
from ncfd_site.ingest.json_text import parse_json
from ncfd_site.ingest.lines import DAMAGE, read_lines
from ncfd_site.ingest.records import InvalidRecord, Record, RejectedRecord, SourceLocation

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
