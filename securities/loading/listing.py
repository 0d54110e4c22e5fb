"""Reading of the SEC's list of companies, tickers and exchanges."""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ncfd_site.ingest.csv_records import normalize_column_name, read_csv_rows
from ncfd_site.ingest.files import CUT, DAMAGE, Advance, bare_suffix, open_file
from ncfd_site.ingest.json_records import JsonPieces, parse_json
from ncfd_site.ingest.records import InputError, InvalidRecord, Record, RejectedRecord, SourceLocation
from ncfd_site.ingest.text import collapse_spaces, require_length
from securities.loading.names import normalize_company_name

REQUIRED = ("cik", "name", "ticker")
_OTHER_NAMES = {"cik_str": "cik", "title": "name", "company": "name", "company name": "name", "symbol": "ticker"}
# Above any list of the SEC, which is read as a whole.
_LONGEST = 64 << 20
MAX_CIK = 9_999_999_999
MAX_NAME_LENGTH = 300
MAX_EXCHANGE_LENGTH = 40
_TICKER = re.compile(r"[A-Z0-9][A-Z0-9.\-/=^+*$]{0,19}")


@dataclass(frozen=True, slots=True)
class Listing:
    """A row of the list; `exchange` is empty if not stated, None if the list has no exchanges."""

    cik: int
    name: str
    name_norm: str
    ticker: str
    ticker_norm: str
    exchange: str | None
    type: str


def read_listings(path: Path, advance: Advance | None = None) -> Iterator[Record[Listing] | RejectedRecord]:
    """Return the rows of a CSV or JSON file.

    The text of a rejected row is its ticker if that is readable. Raises InputError if the file is not the SEC's list,
    or is cut or damaged: missing rows would delist their tickers.
    """
    rows = _read_json_rows(path, advance) if bare_suffix(path) == ".json" else _read_csv_rows(path, advance)
    for row in rows:
        if isinstance(row, RejectedRecord):
            if row.is_cut:
                raise InputError(f"{path} is cut or damaged: line {row.place.line}: {row.reason}. Nothing was changed.")
            yield row
            continue
        try:
            yield Record(row.place, parse_listing(row.value), row.size)
        except InvalidRecord as error:
            ticker = collapse_spaces(str(row.value.get("ticker") or ""))
            text = ticker if _TICKER.fullmatch(ticker.upper()) else " ".join(map(str, row.value.values()))
            yield RejectedRecord(row.place, str(error), text)


def rename_column(name: str) -> str:
    """Return the name of a column as in `REQUIRED`: other lists of the SEC write `cik_str` and `title`."""
    plain = normalize_column_name(name)
    return _OTHER_NAMES.get(plain, plain)


def parse_listing(row: dict[str, Any]) -> Listing:
    """Parse and check a row of the SEC's list; raises InvalidRecord with the reason."""
    name = require_length(collapse_spaces(_get_text(row, "name")), MAX_NAME_LENGTH, "the name")
    ticker = collapse_spaces(_get_text(row, "ticker"))
    if not _TICKER.fullmatch(ticker.upper()):
        raise InvalidRecord(f"{ticker[:40]!r} is not a ticker" if ticker else "the ticker is missing")
    name_norm = normalize_company_name(name)
    if not name_norm:
        raise InvalidRecord(f"{name!r} is not a company name" if name else "the name is missing")
    exchange = None
    if "exchange" in row:
        exchange = require_length(collapse_spaces(_get_text(row, "exchange")), MAX_EXCHANGE_LENGTH, "the exchange")
    return Listing(
        parse_cik(row.get("cik")), name, name_norm, ticker, ticker.upper(), exchange, infer_security_type(ticker)
    )


def infer_security_type(ticker: str) -> str:
    """Return the type that the suffix of a ticker proves, in the SEC's spelling of NYSE symbols; else common stock.

    -P with or without a letter: preferred; -WT, -WS: warrant; -UN: unit; -RI, -RW: right. "-A" and "-B" are share
    classes. A last letter W on Nasdaq proves nothing alone, see `SET_TYPES` in `tickers`.
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


def parse_cik(value: Any) -> int:
    """Return a CIK of a file; raises `InvalidRecord` unless it is a number from 1 to `MAX_CIK`."""
    text = str(value if value is not None else "").strip()
    # Elsewhere the SEC writes a CIK with leading zeros.
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,10}", text) or not 1 <= int(text) <= MAX_CIK:
        raise InvalidRecord(f"{text[:40]!r} is not a CIK: expected a whole number from 1 to {MAX_CIK}")
    return int(text)


def _read_csv_rows(path: Path, advance: Advance | None) -> Iterator[Record[dict[str, Any]] | RejectedRecord]:
    for row in read_csv_rows(path, REQUIRED, advance, rename_column):
        yield row if isinstance(row, RejectedRecord) else Record(row.place, row.value, row.size)


def _read_json_rows(path: Path, advance: Advance | None) -> Iterator[Record[dict[str, Any]] | RejectedRecord]:
    """Yield the rows of the three forms of the SEC and its mirrors; the file is read as a whole, so a cut is found."""
    with open_file(path, advance) as stream:
        try:
            raw = stream.read(_LONGEST + 1)
            document = parse_json(raw.removeprefix(b"\xef\xbb\xbf")) if len(raw) <= _LONGEST else None
        except (InvalidRecord, *DAMAGE) as error:
            reason = CUT if isinstance(error, DAMAGE) else str(error)
            raise InputError(f"{path} is no JSON, or it is cut or damaged: {reason}. Nothing was changed.") from None
    fields: list[str] = []
    if isinstance(document, dict) and isinstance(document.get("data"), list):
        names, items = document.get("fields"), document["data"]
        fields = [rename_column(str(name)) for name in names] if isinstance(names, list) else []
    elif isinstance(document, dict):
        items = list(document.values())
    else:
        items = document if isinstance(document, list) else []
    first = next((item for item in items if isinstance(item, dict)), {})
    columns = set(fields) or {rename_column(name) for name in first}
    if missing := [column for column in REQUIRED if column not in columns]:
        raise InputError(
            f"{path} is not the SEC's list: {', '.join(missing)} is missing. Expected"
            ' {"fields": ["cik", "name", "ticker", "exchange"], "data": [...]}'
            ' or {"0": {"cik_str": ..., "ticker": ..., "title": ...}, ...}.'
        )
    places = JsonPieces(io.BufferedReader(io.BytesIO(raw)), "data")
    lines = [piece.line for piece in places]
    for number, item in enumerate(items, 1):
        place = SourceLocation(str(path), lines[number - 1] if len(lines) == len(items) else 1, number)
        if fields and isinstance(item, list) and len(item) == len(fields):
            yield Record(place, dict(zip(fields, item, strict=True)))
        elif not fields and isinstance(item, dict):
            yield Record(place, {rename_column(name): value for name, value in item.items()})
        else:
            expected = f"a list of {len(fields)} values" if fields else "an object"
            yield RejectedRecord(place, f"expected {expected}", json.dumps(item))
