"""One proposal of a link, as other heuristics hand them over: read and checked."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.utils.dateparse import parse_datetime

from ncfd_site.ingest.csv_records import read_csv_rows
from ncfd_site.ingest.files import Advance, bare_suffix
from ncfd_site.ingest.json_records import SUFFIXES, parse_json, read_json_records
from ncfd_site.ingest.records import InputError, InvalidRecord, Record, RejectedRecord
from ncfd_site.ingest.text import collapse_spaces, require_length

REQUIRED = ("source_type", "source_url", "nct_id", "link_type", "heuristic", "confidence")
SOURCE_TYPES = ("PR", "IR", "Abstract", "Paper", "Registry", "FDA", "SEC_8K", "Other")
LABEL_SOURCES = ("human_review", "gold_standard", "external_validation")
_NCT = re.compile(r"NCT\d{8}", re.ASCII)
_LABELS = {"true": True, "false": False, "": None}


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A proposal: a document ties an asset ("" where none is named) to a trial. `label` None is not reviewed."""

    source_type: str
    source_url: str
    title: str
    publisher: str
    year: int | None
    nct_id: str
    asset: str
    link_type: str
    heuristic: str
    confidence: Decimal
    evidence: dict[str, Any]
    label: bool | None
    label_source: str | None
    reviewed_by: str | None
    reviewed_at: datetime | None
    review_notes: str | None


def audit_rows(path: Path, advance: Advance | None = None) -> Iterator[Record[AuditRow] | RejectedRecord]:
    """Every proposal of a file, CSV or JSON lines; raises `WrongInput` where the CSV lacks a needed column."""
    is_json = bare_suffix(path) in SUFFIXES
    for item in read_json_records(path, "links", advance) if is_json else read_csv_rows(path, REQUIRED, advance):
        if isinstance(item, RejectedRecord):
            yield item
            continue
        try:
            yield Record(item.place, audit_row(item.value))
        except InvalidRecord as unfit:
            yield RejectedRecord(item.place, str(unfit))


def audit_row(row: Any) -> AuditRow:
    """Check one proposal; raises `Unfit` with the reason."""
    if not isinstance(row, dict):
        raise InvalidRecord("not a proposal: an object is expected")
    if missing := [name for name in REQUIRED if row.get(name) in (None, "")]:
        raise InvalidRecord(f"there is no {', '.join(missing)}")
    nct_id = _text(row, "nct_id", 20).upper()
    if not _NCT.fullmatch(nct_id):
        raise InvalidRecord(f"nct_id is {nct_id!r}, which is no number of ClinicalTrials.gov (NCT and eight digits)")
    label = _label(row.get("label"))
    return AuditRow(
        source_type=_one_of(_text(row, "source_type", 40), SOURCE_TYPES, "source_type"),
        source_url=_address(_text(row, "source_url", 2000)),
        title=_text(row, "title", 2000),
        publisher=_text(row, "publisher", 500),
        year=_year(row.get("year")),
        nct_id=nct_id,
        asset=_text(row, "asset", 500),
        link_type=_text(row, "link_type", 100),
        heuristic=_text(row, "heuristic", 100),
        confidence=_confidence(row["confidence"]),
        evidence=_evidence(row.get("evidence")),
        label=label,
        label_source=_label_source(_text(row, "label_source", 100), label),
        reviewed_by=_text(row, "reviewed_by", 150) or None if label is not None else None,
        reviewed_at=_moment(_text(row, "reviewed_at", 40)) if label is not None else None,
        review_notes=_text(row, "review_notes", 10_000) or None,
    )


def require_proposals(path: Path) -> None:
    """Raise `WrongInput` where the file cannot be opened or its first record is not even the shape of a proposal."""
    first = next(audit_rows(path), None)
    if first is None and path.stat().st_size == 0:
        raise InputError(f"{path} is empty: proposals of links with {', '.join(REQUIRED)} are expected.")
    if isinstance(first, RejectedRecord) and first.reason.startswith(("not ", "there is no " + ", ".join(REQUIRED))):
        raise InputError(
            f"{path} holds no proposals of links: line {first.place.line}: {first.reason}; {', '.join(REQUIRED)} are"
            " expected."
        )


def _text(row: dict[str, Any], name: str, longest: int) -> str:
    value = row.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidRecord(f"{name} is {str(value)[:40]!r}, which is no text")
    return require_length(collapse_spaces(value), longest, name)


def _one_of(value: str, known: tuple[str, ...], name: str) -> str:
    if value not in known:
        raise InvalidRecord(f"{name} is {value!r}, which is none of {', '.join(known)}")
    return value


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc or " " in url:
        raise InvalidRecord(f"source_url is {url[:80]!r}, which is no http or https address")
    return url


def _year(value: Any) -> int | None:
    said = str(value if value is not None else "").strip()
    if not said:
        return None
    if not re.fullmatch(r"(19|20)\d\d", said, re.ASCII):
        raise InvalidRecord(f"year is {said[:40]!r}, which is no year from 1900 to 2099")
    return int(said)


def _confidence(value: Any) -> Decimal:
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        number = Decimal(-1)
    if isinstance(value, bool) or not number.is_finite() or not 0 <= number <= 1:
        raise InvalidRecord(f"confidence is {str(value)[:40]!r}, which is no number from 0 to 1")
    return number


def _evidence(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = parse_json(value.encode()) if value.strip() else None
        except InvalidRecord as unfit:
            raise InvalidRecord(f"evidence is {unfit}") from None
    if not isinstance(value, dict | None):
        raise InvalidRecord("evidence is no JSON object")
    return value or {}


def _label(value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    said = str(value).strip().lower()
    if said not in _LABELS:
        raise InvalidRecord(f"label is {said[:40]!r}, which is none of true, false and empty")
    return _LABELS[said]


def _label_source(source: str, label: bool | None) -> str | None:
    if label is None:
        return None
    return _one_of(source, LABEL_SOURCES, "label_source")


def _moment(said: str) -> datetime | None:
    if not said:
        return None
    try:
        moment = parse_datetime(said)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidRecord(f"reviewed_at is {said!r}, which is no time with a zone, such as 2026-01-31T12:00:00Z")
    return moment
