"""Reading of the SEC's list of companies, tickers and exchanges."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ncfd_site.ingest.csv_records import read_csv_rows
from ncfd_site.ingest.files import Advance, bare_suffix, open_file
from ncfd_site.ingest.json_records import JsonPieces, parse_json
from ncfd_site.ingest.records import InputError, InvalidRecord, Record, RejectedRecord, SourceLocation, parse_records
from ncfd_site.ingest.text import collapse_spaces, require_length
from securities.loading.names import normalize_company_name

COLUMNS = ("cik", "name", "ticker", "exchange")
MAX_CIK = 9_999_999_999
MAX_NAME_LENGTH = 300
MAX_EXCHANGE_LENGTH = 40
_TICKER = re.compile(r"[A-Z0-9][A-Z0-9.\-/=^+*$]{0,19}")


@dataclass(frozen=True, slots=True)
class Listing:
    """A row of the list; `exchange` is empty if not stated."""

    cik: int
    name: str
    name_norm: str
    ticker: str
    ticker_norm: str
    exchange: str
    type: str


def read_listings(path: Path, advance: Advance | None = None) -> Iterator[Record[Listing] | RejectedRecord]:
    """Return the rows of a CSV or JSON file. Raises InputError if it is not the SEC's list."""
    rows = _read_json_rows(path, advance) if bare_suffix(path) == ".json" else read_csv_rows(path, COLUMNS, advance)
    return parse_records(rows, parse_listing)


def parse_listing(row: dict[str, Any]) -> Listing:
    """Parse and check a row of the SEC's list; raises InvalidRecord with the reason."""
    name = require_length(collapse_spaces(_get_text(row, "name")), MAX_NAME_LENGTH, "the name")
    ticker = collapse_spaces(_get_text(row, "ticker"))
    if not _TICKER.fullmatch(ticker.upper()):
        raise InvalidRecord(f"{ticker[:40]!r} is not a ticker" if ticker else "the ticker is missing")
    name_norm = normalize_company_name(name)
    if not name_norm:
        raise InvalidRecord(f"{name!r} is not a company name" if name else "the name is missing")
    exchange = require_length(collapse_spaces(_get_text(row, "exchange")), MAX_EXCHANGE_LENGTH, "the exchange")
    return Listing(
        _parse_cik(row.get("cik")), name, name_norm, ticker, ticker.upper(), exchange, infer_security_type(ticker)
    )


def infer_security_type(ticker: str) -> str:
    """Return the type that the suffix of a ticker proves, in the SEC's spelling of NYSE symbols; else common stock.

    -P with or without a letter: preferred; -WT, -WS: warrant; -UN: unit; -RI, -RW: right. "-A" and "-B" are share
    classes, and a fifth letter W on Nasdaq may be part of a name: both are common.
    """
    suffix = ticker.upper().partition("-")[2]
    if re.fullmatch(r"P[A-Z]?", suffix):
        return "preferred"
    if re.fullmatch(r"W[TS][A-Z]?", suffix):
        return "warrant"
    return {"UN": "unit", "RI": "right", "RW": "right", "RT": "right"}.get(suffix, "common")


def _get_text(row: dict[str, Any], column: str) -> str:
    value = row.get(column)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidRecord(f"{column} is {str(value)[:40]!r}, which is not a text")
    return value


def _parse_cik(value: Any) -> int:
    text = str(value if value is not None else "").strip()
    # Elsewhere the SEC writes a CIK with leading zeros.
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,10}", text) or not 1 <= int(text) <= MAX_CIK:
        raise InvalidRecord(f"{text[:40]!r} is not a CIK: expected a whole number from 1 to {MAX_CIK}")
    return int(text)


def _read_json_rows(path: Path, advance: Advance | None) -> Iterator[Record[dict[str, Any]] | RejectedRecord]:
    with open_file(path, advance) as stream:
        pieces = JsonPieces(stream, "data")
        fields: list[str] | None = None
        for piece in pieces:
            if fields is None:
                fields = _read_field_names(path, pieces.prelude)
            place = SourceLocation(str(path), piece.line, piece.number)
            try:
                yield Record(place, _parse_row(piece.error, piece.text, fields))
            except InvalidRecord as error:
                yield RejectedRecord(place, str(error))
        if fields is None:
            _read_field_names(path, pieces.prelude)


def _read_field_names(path: Path, prelude: bytes) -> list[str]:
    form = '{"fields": ["cik", "name", "ticker", "exchange"], "data": [...]}'
    expected = f"{path} is not the SEC's list. Expected {form}."
    try:
        fields = parse_json(prelude + b"[]}")["fields"]
    except (InvalidRecord, KeyError, TypeError):
        raise InputError(expected) from None
    if not isinstance(fields, list) or not set(COLUMNS) <= {str(field) for field in fields}:
        raise InputError(expected)
    return [str(field) for field in fields]


def _parse_row(trouble: str, text: bytes, fields: list[str]) -> dict[str, Any]:
    if trouble:
        raise InvalidRecord(trouble)
    values = parse_json(text)
    if not isinstance(values, list) or len(values) != len(fields):
        raise InvalidRecord(f"expected a list of {len(fields)} values")
    return dict(zip(fields, values, strict=True))
