"""Tile of data freshness: the latest import of each source, document of each type, signal and score."""

from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.urls import reverse

from ncfd_site.dashboard.tile import Line, Query, Rows, Source, Tile, register
from signals.dashboard.risk import LATEST, Run
from storage.models import Document

LOADS, STATE, DOCUMENTS = "signals.view_ingestrun", "signals.view_ingeststate", "storage.view_document"
SIGNALS, SCORES = "signals.view_signal", "signals.view_score"
LAST_RUNS = """
SELECT DISTINCT ON (source) source, finished_at, total_processed
FROM (SELECT * FROM ingest_runs ORDER BY run_id DESC LIMIT 1000) runs
WHERE finished_at IS NOT NULL ORDER BY source, finished_at DESC LIMIT 20
"""
CURSOR = "SELECT cursor_last_update_posted AS up_to, last_run_at FROM ctgov_ingest_state LIMIT 1"
BY_TYPE = """
SELECT kind.source_type::text AS source_type, newest.published_at
FROM unnest(enum_range(NULL::doc_source_type)) kind (source_type) CROSS JOIN LATERAL (
    SELECT published_at FROM documents d WHERE d.source_type = kind.source_type AND d.published_at IS NOT NULL
    ORDER BY published_at DESC LIMIT 1
) newest
"""
SIGNAL = "SELECT fired_at FROM signals ORDER BY fired_at DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class LastRun:
    """The latest finished run of a loader."""

    source: str
    finished_at: datetime
    total_processed: int | None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Date up to which the registry has been read."""

    up_to: date | None
    last_run_at: datetime | None


@dataclass(frozen=True, slots=True)
class Newest:
    """Publication time of the latest document of a type."""

    source_type: str
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Fired:
    """Firing time of the latest signal."""

    fired_at: datetime


def build_freshness_tile(found: Rows, user: User) -> Tile:
    """Return the age of each source."""
    staff = user.is_staff
    runs = reverse("admin:signals_ingestrun_changelist") if staff else ""
    lines = [
        Line(f"{run.source} import", runs, _format_record_count(run.total_processed), at=run.finished_at)
        for run in found["runs"]
    ]
    for cursor in found["cursor"]:
        state = reverse("admin:signals_ingeststate_changelist") if staff else ""
        up_to = f"data through {cursor.up_to:%Y-%m-%d}" if cursor.up_to else "not read yet"
        lines.append(Line("Registry", state, up_to, at=cursor.last_run_at))
    for document in found["documents"]:
        kind = str(Document.SourceType(document.source_type).label)
        kind = kind if kind[1:2].isupper() else kind.lower()
        documents = reverse("admin:storage_document_changelist") if staff else ""
        query = f"?{urlencode({'source_type__exact': document.source_type})}" if staff else ""
        lines.append(Line(f"Latest {kind}", documents + query, "published", at=document.published_at))
    for signal in found["signal"]:
        signals = reverse("admin:signals_signal_changelist") if staff else ""
        lines.append(Line("Latest signal", signals, "fired", at=signal.fired_at))
    lines += [
        Line("Latest score", reverse("risk:trials"), f"run {run.run_id}", at=run.scored_at) for run in found["score"]
    ]
    return Tile((), tuple(lines), "No data yet. manage.py load_data FOLDER loads all files of a folder.")


def _format_record_count(number: int | None) -> str:
    return "number of records unknown" if number is None else f"{number:,} record{'' if number == 1 else 's'}"


SOURCE = register(
    Source(
        "freshness",
        "Data freshness",
        (LOADS, DOCUMENTS, SIGNALS, SCORES),
        {
            "runs": Query(LAST_RUNS, LastRun, LOADS),
            "cursor": Query(CURSOR, Cursor, STATE),
            "documents": Query(BY_TYPE, Newest, DOCUMENTS),
            "signal": Query(SIGNAL, Fired, SIGNALS),
            "score": Query(LATEST, Run, SCORES),
        },
        build_freshness_tile,
        position=80,
    )
)
