"""Proposed links in files: read, checked, and turned into documents."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.utils.dateparse import parse_datetime

from ncfd_site.ingest.csv_records import read_csv_rows
from ncfd_site.ingest.files import Advance, bare_suffix
from ncfd_site.ingest.json_records import SUFFIXES, parse_json, read_json_records
from ncfd_site.ingest.records import InputError, InvalidRecord, Record, RejectedRecord, parse_records
from ncfd_site.ingest.text import collapse_spaces, require_length
from storage.loading import NewDocument

REQUIRED = ("source_type", "source_url", "nct_id", "link_type", "heuristic", "confidence")
SOURCE_TYPES = ("PR", "IR", "Abstract", "Paper", "Registry", "FDA", "SEC_8K", "Other")
LABEL_SOURCES = ("human_review", "gold_standard", "external_validation")
LABELS = {"true": True, "false": False, "": None}
NCT_ID = re.compile(r"NCT\d{8}", re.ASCII)
YEAR = re.compile(r"(19|20)\d\d", re.ASCII)
PUBMED_URL = re.compile(r"https?://pubmed\.ncbi\.nlm\.nih\.gov/(\d{1,9})/?")
DOI_URL = re.compile(r"https?://(?:dx\.)?doi\.org/(10\.\d{4,9}/\S+)")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposed link of a document, an asset ("" for none) and a trial; `label` None is not reviewed."""

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

    def to_document(self, crawl_run_id: str) -> NewDocument:
        """Return the document of the proposal. Its content is the citation, because nothing else was fetched.

        The date of publication is the first day of the year, because the database stores a time.
        """
        published = ", ".join(part for part in (self.publisher, str(self.year or "")) if part)
        citation = self.evidence.get("citation")
        lines = [self.title, published, citation if isinstance(citation, str) else "", self.source_url]
        text = "\n".join(filter(None, lines)) + "\n"
        return NewDocument(
            source_type=self.source_type,
            source_url=self.source_url,
            publisher=self.publisher or None,
            published_at=datetime(self.year, 1, 1, tzinfo=UTC) if self.year else None,
            content_type="text/plain; charset=utf-8",
            status="discovered",
            crawl_run_id=crawl_run_id,
            content=text.encode(),
            pages=[text],
        )


def read_proposals(path: Path, advance: Advance | None = None) -> Iterator[Record[Proposal] | RejectedRecord]:
    """Return every proposal of a CSV or JSON Lines file; raises InputError if the CSV lacks a required column."""
    is_json = bare_suffix(path) in SUFFIXES
    rows = read_json_records(path, "links", advance) if is_json else read_csv_rows(path, REQUIRED, advance)
    return parse_records(rows, parse_proposal)


def require_proposals(path: Path) -> None:
    """Raise InputError if the file is empty, or its first record does not have the fields of a proposal."""
    first = next(read_proposals(path), None)
    expected = f"Expected proposals of links with {', '.join(REQUIRED)}."
    if first is None and path.stat().st_size == 0:
        raise InputError(f"{path} is empty. {expected}")
    if isinstance(first, RejectedRecord) and first.reason.startswith(("not ", f"missing {', '.join(REQUIRED)}")):
        raise InputError(f"{path}, line {first.place.line}: {first.reason}. {expected}")


def parse_proposal(row: Any) -> Proposal:
    """Parse and check a proposal, given as a row of a file; raises InvalidRecord with the reason."""
    if not isinstance(row, dict):
        raise InvalidRecord("not a proposal: an object is expected")
    if missing := [name for name in REQUIRED if row.get(name) in (None, "")]:
        raise InvalidRecord(f"missing {', '.join(missing)}")
    nct_id = _parse_text(row, "nct_id", 20).upper()
    if not NCT_ID.fullmatch(nct_id):
        raise InvalidRecord(f"nct_id {nct_id!r} is not an NCT ID (NCT and eight digits)")
    label = _parse_label(row.get("label"))
    is_labeled = label is not None
    label_source = _parse_text(row, "label_source", 100)
    return Proposal(
        source_type=_require_one_of(_parse_text(row, "source_type", 40), SOURCE_TYPES, "source_type"),
        source_url=_parse_url(_parse_text(row, "source_url", 2000)),
        title=_parse_text(row, "title", 2000),
        publisher=_parse_text(row, "publisher", 500),
        year=_parse_year(row.get("year")),
        nct_id=nct_id,
        asset=_parse_text(row, "asset", 500),
        link_type=_parse_text(row, "link_type", 100),
        heuristic=_parse_text(row, "heuristic", 100),
        confidence=_parse_confidence(row["confidence"]),
        evidence=_parse_evidence(row.get("evidence")),
        label=label,
        label_source=_require_one_of(label_source, LABEL_SOURCES, "label_source") if is_labeled else None,
        reviewed_by=_parse_text(row, "reviewed_by", 150) or None if is_labeled else None,
        reviewed_at=_parse_moment(_parse_text(row, "reviewed_at", 40)) if is_labeled else None,
        review_notes=_parse_text(row, "review_notes", 10_000) or None,
    )


def parse_citation_ids(source_url: str) -> tuple[str | None, str | None]:
    """Return the PubMed ID and the DOI in the URL of a document; None for each that it lacks."""
    pubmed, doi = PUBMED_URL.fullmatch(source_url), DOI_URL.fullmatch(source_url)
    return pubmed[1] if pubmed else None, doi[1] if doi else None


def _parse_text(row: dict[str, Any], name: str, max_length: int) -> str:
    value = row.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidRecord(f"{name} {str(value)[:40]!r} is not text")
    return require_length(collapse_spaces(value), max_length, name)


def _require_one_of(value: str, options: tuple[str, ...], name: str) -> str:
    if value not in options:
        raise InvalidRecord(f"{name} {value!r} is not one of {', '.join(options)}")
    return value


def _parse_url(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc or " " in url:
        raise InvalidRecord(f"source_url {url[:80]!r} is not an http or https URL")
    return url


def _parse_year(value: Any) -> int | None:
    text = str(value if value is not None else "").strip()
    if not text:
        return None
    if not YEAR.fullmatch(text):
        raise InvalidRecord(f"year {text[:40]!r} is not a year from 1900 to 2099")
    return int(text)


def _parse_confidence(value: Any) -> Decimal:
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        number = Decimal(-1)
    if isinstance(value, bool) or not number.is_finite() or not 0 <= number <= 1:
        raise InvalidRecord(f"confidence {str(value)[:40]!r} is not a number from 0 to 1")
    return number


def _parse_evidence(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = parse_json(value.encode()) if value.strip() else None
        except InvalidRecord as error:
            raise InvalidRecord(f"evidence is {error}") from None
    if not isinstance(value, dict | None):
        raise InvalidRecord("evidence is not a JSON object")
    return value or {}


def _parse_label(value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text not in LABELS:
        raise InvalidRecord(f"label {text[:40]!r} is not true, false or empty")
    return LABELS[text]


def _parse_moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidRecord(f"reviewed_at {text!r} is not a time with a zone, such as 2026-01-31T12:00:00Z")
    return moment
