"""System checks of a database: its revision and its groups.

They run with `manage.py check --database default` and before `migrate`. All are warnings, because an error would stop
`migrate` on an empty database. The database backend refuses a server that is too old.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import AppConfig
from django.contrib.auth.models import Group
from django.core import checks
from django.db import DEFAULT_DB_ALIAS

from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from ncfd_site.schema.deploy import revisions

BEHIND = "ncfd.W001"
UNKNOWN_REVISION = "ncfd.W002"
WITHOUT_VERSION = "ncfd.W003"
GROUPS_MISSING = "ncfd.W004"


@dataclass(frozen=True)
class _Version:
    version_num: str


@checks.register(checks.Tags.database)
def check_databases(
    *, app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **options: Any
) -> list[checks.CheckMessage]:
    """Return the warnings for these databases."""
    return [
        message for alias in databases or () for check in (check_revision, check_groups) for message in check(alias)
    ]


def check_revision(alias: str) -> Iterator[checks.CheckMessage]:
    """Yield a warning unless the database is at the newest revision of this code."""
    known = revisions.ids()
    command = "manage.py migrate_alembic" + ("" if alias == DEFAULT_DB_ALIAS else f" --database {alias}")
    at: list[str] = []
    if sql.value("SELECT to_regclass('public.alembic_version') IS NOT NULL", using=alias):
        found = sql.rows("SELECT version_num FROM public.alembic_version ORDER BY 1", of=_Version, using=alias)
        at = [row.version_num for row in found]
    if not at:
        yield checks.Warning(
            f"Database {alias} has no schema version.",
            hint=f"Run {command}: it creates the schema in an empty database, and prints what to do with another.",
            id=WITHOUT_VERSION,
        )
    elif len(at) > 1 or at[0] not in known:
        yield checks.Warning(
            f"Database {alias} is at {' and '.join(at)}, which is not a revision of this code (newest: {known[-1]}).",
            hint=f"Deploy the code that created it, or run {command} --plan, which prints what to do.",
            id=UNKNOWN_REVISION,
        )
    elif at[0] != known[-1]:
        pending = known[known.index(at[0]) + 1 :]
        yield checks.Warning(
            f"Database {alias} is at {at[0]}, behind this code; pending: {', '.join(pending)}.",
            hint=f"Run {command}",
            id=BEHIND,
        )


def check_groups(alias: str) -> Iterator[checks.CheckMessage]:
    """Yield a warning if groups are missing."""
    # Django's first `migrate` creates the table and the groups.
    if not sql.value("SELECT to_regclass('auth_group') IS NOT NULL", using=alias):
        return
    existing = set(Group.objects.using(alias).values_list("name", flat=True))
    missing = [role.value for role in Role if role.value not in existing]
    if missing:
        database = "" if alias == DEFAULT_DB_ALIAS else f" --database {alias}"
        yield checks.Warning(
            f"Database {alias} lacks the groups {', '.join(missing)}, so their permissions cannot be granted.",
            hint=f"Run manage.py migrate{database}",
            id=GROUPS_MISSING,
        )
