"""Whether the schema is at head, and what its last verification said. Nothing is compared here: that takes a while."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.urls import reverse

from ncfd_site.dashboard.tile import Action, Figure, Line, Query, Rows, Source, Tile, figure_status, register
from ncfd_site.schema.deploy import revisions

VIEW = "schema.view_migrationlog"
VERSION = "SELECT string_agg(version_num, ' and ' ORDER BY version_num) AS revision FROM alembic_version"
# The latest verification, and how much was done to the schema since.
VERIFIED = """
SELECT v.log_id, v.revision, v.outcome, v.detail, coalesce(v.finished_at, v.started_at) AS at,
    (SELECT count(*) FROM (
        SELECT FROM alembic_migration_log l WHERE l.log_id > v.log_id AND l.action <> 'verify' LIMIT 1000
    ) later) AS since
FROM (SELECT * FROM alembic_migration_log WHERE action = 'verify' ORDER BY log_id DESC LIMIT 1) v
"""
FAILED = """
SELECT f.log_id, f.revision, f.outcome, f.detail, coalesce(f.finished_at, f.started_at) AS at, 0 AS since
FROM (SELECT * FROM alembic_migration_log ORDER BY log_id DESC LIMIT 1) f WHERE f.outcome = 'failed'
"""


@dataclass(frozen=True, slots=True)
class Version:
    """The revision that the database says it is at."""

    revision: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the log of migration; `since` is how many others came after it."""

    log_id: int
    revision: str
    outcome: str
    detail: str | None
    at: datetime
    since: int


def build(found: Rows, user: User) -> Tile:
    """Say where the schema stands."""
    (version,) = found["version"]
    is_at_head = version.revision == revisions.head()
    words = f"revision {version.revision or 'unknown'}" + (
        "" if is_at_head else f", and {revisions.head()} is the newest"
    )
    address = reverse("schema")
    figures = [Figure("at head" if is_at_head else "not at head", words, address, figure_status(not is_at_head))]
    lines = []
    verified = found["verified"][0] if found["verified"] else None
    if verified is None:
        figures.append(Figure("not known", "no verification is recorded", address))
    else:
        is_sound = verified.outcome == "done"
        figures.append(
            Figure(
                "no drift" if is_sound else "drift", "by the last verification", address, figure_status(not is_sound)
            )
        )
        since = f"{verified.since} later changes are not verified" if verified.since else "nothing was changed since"
        lines.append(Line("Verified", address, since if is_sound else (verified.detail or since)[:200], at=verified.at))
    lines += [
        Line(f"The last run failed at {entry.revision}", address, (entry.detail or "")[:200], at=entry.at)
        for entry in found["failed"]
        if verified is None or entry.log_id != verified.log_id
    ]
    return Tile(
        tuple(figures),
        tuple(lines),
        "manage.py migrate_alembic verifies the schema and records it.",
        verified.at if verified else None,
        "the last verification" if verified else "",
        (Action("Compare the schema now", address),),
    )


SOURCE = register(
    Source(
        "schema",
        "Drift of the schema",
        (VIEW,),
        {"version": Query(VERSION, Version), "verified": Query(VERIFIED, Entry), "failed": Query(FAILED, Entry)},
        build,
        "schema",
        position=90,
    )
)
