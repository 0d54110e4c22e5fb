"""One row of the SEC's list of companies, tickers and exchanges: read and checked."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ncfd_site.ingest.csv_records import read_csv_rows
from ncfd_site.ingest.files import Advance, bare_suffix, open_file
from ncfd_site.ingest.json_pieces import JsonPieces
from ncfd_site.ingest.json_text import parse_json
from ncfd_site.ingest.records import InputError, InvalidRecord, Record, RejectedRecord, SourceLocation
from ncfd_site.ingest.text import collapse_spaces, require_length
from securities.loading.names import normalize_company_name

COLUMNS = ("cik", "name", "ticker", "exchange")
LARGEST_CIK = 9_999_999_999
LONGEST_NAME = 300
LONGEST_EXCHANGE = 40
_TICKER = re.compile(r"[A-Z0-9][A-Z0-9.\-/=^+*$]{0,19}")


@dataclass(frozen=True, slots=True)
class Listing:
    """A ticker of a company, as the list has it. `exchange` is empty where the list names none."""

    cik: int
    name: str
    name_norm: str
    ticker: str
    ticker_norm: str
    exchange: str
    type: str


def read_listings(path: Path, advance: Advance | None = None) -> Iterator[Record[Listing] | RejectedRecord]:
    """Every row of the file, CSV or JSON; raises `WrongInput` where it is not the SEC's list."""
    rows = _json_rows(path, advance) if bare_suffix(path) == ".json" else read_csv_rows(path, COLUMNS, advance)
    for row in rows:
        if isinstance(row, RejectedRecord):
            yield row
            continue
        try:
            yield Record(row.place, parse_listing(row.value))
        except InvalidRecord as unfit:
            yield RejectedRecord(row.place, str(unfit))


def parse_listing(row: dict[str, Any]) -> Listing:
    """Check one row; raises `Unfit` with the reason."""
    name = require_length(collapse_spaces(_text(row, "name")), LONGEST_NAME, "the name")
    ticker = collapse_spaces(_text(row, "ticker"))
    if not _TICKER.fullmatch(ticker.upper()):
        raise InvalidRecord(f"{ticker[:40]!r} is no ticker" if ticker else "there is no ticker")
    name_norm = normalize_company_name(name)
    if not name_norm:
        raise InvalidRecord(f"{name!r} is no name of a company" if name else "there is no name")
    exchange = require_length(collapse_spaces(_text(row, "exchange")), LONGEST_EXCHANGE, "the exchange")
    return Listing(_cik(row.get("cik")), name, name_norm, ticker, ticker.upper(), exchange, infer_security_type(ticker))


def infer_security_type(ticker: str) -> str:
    """What the suffix of a ticker says for certain, in the SEC's spelling of NYSE symbols; else common stock.

    -P and a letter or nothing: preferred; -WT, -WS: warrant; -UN: unit; -RI, -RW: right. "-A" and "-B" are share
    classes, and a fifth letter W on Nasdaq may as well belong to a name, so those stay common.
    """
    suffix = ticker.upper().partition("-")[2]
    if re.fullmatch(r"P[A-Z]?", suffix):
        return "preferred"
    if re.fullmatch(r"W[TS][A-Z]?", suffix):
        return "warrant"
    return {"UN": "unit", "RI": "right", "RW": "right", "RT": "right"}.get(suffix, "common")


def _text(row: dict[str, Any], column: str) -> str:
    value = row.get(column)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidRecord(f"{column} is {str(value)[:40]!r}, which is no text")
    return value


def _cik(value: Any) -> int:
    said = str(value if value is not None else "").strip()
    # Ten digits with zeros in front are how the SEC writes a CIK elsewhere.
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,10}", said) or not 1 <= int(said) <= LARGEST_CIK:
        raise InvalidRecord(f"{said[:40]!r} is no CIK: a whole number from 1 to {LARGEST_CIK} is expected")
    return int(said)


def _json_rows(path: Path, advance: Advance | None) -> Iterator[Record[dict[str, Any]] | RejectedRecord]:
    with open_file(path, advance) as stream:
        pieces = JsonPieces(stream, "data")
        fields: list[str] | None = None
        for piece in pieces:
            if fields is None:
                fields = _fields(path, pieces.prelude)
            place = SourceLocation(str(path), piece.line, piece.number)
            try:
                yield Record(place, _as_row(piece.error, piece.text, fields))
            except InvalidRecord as unfit:
                yield RejectedRecord(place, str(unfit))
        if fields is None:
            _fields(path, pieces.prelude)


def _fields(path: Path, prelude: bytes) -> list[str]:
    form = '{"fields": ["cik", "name", "ticker", "exchange"], "data": [...]}'
    expected = f"{path} is not the SEC's list: {form} is expected."
    try:
        fields = parse_json(prelude + b"[]}")["fields"]
    except (InvalidRecord, KeyError, TypeError):
        raise InputError(expected) from None
    if not isinstance(fields, list) or not set(COLUMNS) <= {str(field) for field in fields}:
        raise InputError(expected)
    return [str(field) for field in fields]


def _as_row(error: str, text: bytes, fields: list[str]) -> dict[str, Any]:
    if error:
        raise InvalidRecord(error)
    values = parse_json(text)
    if not isinstance(values, list) or len(values) != len(fields):
        raise InvalidRecord(f"a list of {len(fields)} values is expected")
    return dict(zip(fields, values, strict=True))
