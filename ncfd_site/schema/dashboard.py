"""Home tile of the schema: its revision and its last verification."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.urls import reverse

from ncfd_site.dashboard.tile import Action, Figure, Line, Query, Rows, Source, Tile, figure_status, register
from ncfd_site.schema.deploy import revisions

VIEW = "schema.view_migrationlog"
VERSION = "SELECT string_agg(version_num, ' and ' ORDER BY version_num) AS revision FROM alembic_version"
# The last verification and the number of later entries.
VERIFIED = """
SELECT v.log_id, v.revision, v.outcome, v.detail, coalesce(v.finished_at, v.started_at) AS at,
    (SELECT count(*) FROM (
        SELECT FROM alembic_migration_log l WHERE l.log_id > v.log_id AND l.action <> 'verify' LIMIT 1000
    ) later) AS later_count
FROM (SELECT * FROM alembic_migration_log WHERE action = 'verify' ORDER BY log_id DESC LIMIT 1) v
"""
FAILED = """
SELECT f.log_id, f.revision, f.outcome, f.detail, coalesce(f.finished_at, f.started_at) AS at, 0 AS later_count
FROM (SELECT * FROM alembic_migration_log ORDER BY log_id DESC LIMIT 1) f WHERE f.outcome = 'failed'
"""


@dataclass(frozen=True, slots=True)
class Version:
    """The revision in the version table."""

    revision: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the migration log; `later_count` is the number of later entries."""

    log_id: int
    revision: str
    outcome: str
    detail: str | None
    at: datetime
    later_count: int


def build(found: Rows, user: User) -> Tile:
    """Build the tile."""
    (version,) = found["version"]
    is_at_head = version.revision == revisions.head()
    description = f"revision {version.revision or 'unknown'}" + ("" if is_at_head else f"; newest: {revisions.head()}")
    address = reverse("schema")
    figures = [Figure("at head" if is_at_head else "not at head", description, address, figure_status(not is_at_head))]
    lines = []
    verified = found["verified"][0] if found["verified"] else None
    if verified is None:
        figures.append(Figure("not verified", "no verification is logged", address))
    else:
        is_passed = verified.outcome == "done"
        figures.append(
            Figure(
                "verified" if is_passed else "failed", "at the last verification", address, figure_status(not is_passed)
            )
        )
        later = f"{verified.later_count} later changes are not verified" if verified.later_count else "no later changes"
        lines.append(
            Line("Verified", address, later if is_passed else (verified.detail or later)[:200], at=verified.at)
        )
    lines += [
        Line(f"The last run failed at {entry.revision}", address, (entry.detail or "")[:200], at=entry.at)
        for entry in found["failed"]
        if verified is None or entry.log_id != verified.log_id
    ]
    return Tile(
        tuple(figures),
        tuple(lines),
        "manage.py migrate_alembic verifies the schema.",
        verified.at if verified else None,
        "the last verification" if verified else "",
        (Action("Check schema", address),),
    )


SOURCE = register(
    Source(
        "schema",
        "Schema",
        (VIEW,),
        {"version": Query(VERSION, Version), "verified": Query(VERIFIED, Entry), "failed": Query(FAILED, Entry)},
        build,
        "schema",
        position=90,
    )
)
