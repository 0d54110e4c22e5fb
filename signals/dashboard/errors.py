"""Tile of validation errors by type, with the latest."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.urls import reverse

from ncfd_site.core.formatting import format_capped_count
from ncfd_site.dashboard.tile import COUNT_LIMIT, Figure, Line, Query, Rows, Source, Tile, register
from signals.validation_errors.queries import KIND_NAMES

VIEW = "signals.view_stagingerror"
KINDS = f"""
SELECT k.value AS kind, (
    SELECT count(*) FROM (SELECT FROM staging_errors e WHERE e.error_type = k.value LIMIT {COUNT_LIMIT + 1}) few
) AS errors
FROM ({KIND_NAMES}) k
"""  # noqa: S608
NEWEST = """
SELECT e.id, e.study_id, t.nct_id, e.error_message, e.created_at
FROM (SELECT * FROM staging_errors ORDER BY id DESC LIMIT 3) e LEFT JOIN trials t USING (trial_id) ORDER BY e.id DESC
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """Number of errors of a type."""

    kind: str
    errors: int


@dataclass(frozen=True, slots=True)
class Newest:
    """A validation error."""

    id: int
    study_id: int | None
    nct_id: str | None
    error_message: str
    created_at: datetime


def build(found: Rows, user: User) -> Tile:
    """Return the number of errors of each type and the latest errors."""
    address = reverse("errors")
    figures = tuple(
        Figure(
            format_capped_count(kind.errors, COUNT_LIMIT),
            kind.kind.replace("_", " "),
            f"{address}?{urlencode({'kind': kind.kind})}",
        )
        for kind in found["kinds"]
    ) or (Figure("0", "errors", address),)
    lines = tuple(
        Line(
            error.nct_id or (f"Study {error.study_id}" if error.study_id else f"Error {error.id}"),
            f"{address}?{urlencode({'study': error.study_id})}" if error.study_id else address,
            error.error_message.removeprefix("PivotalStudyMissingFields: ")[:160],
            at=error.created_at,
        )
        for error in found["newest"]
    )
    return Tile(figures, lines, "No validation errors.")


SOURCE = register(
    Source(
        "errors",
        "Validation errors",
        (VIEW,),
        {"kinds": Query(KINDS, Kind), "newest": Query(NEWEST, Newest)},
        build,
        "errors",
        position=50,
    )
)
