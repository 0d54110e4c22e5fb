"""System checks of the database."""

from io import StringIO

import pytest
from django.contrib.auth.models import Group
from django.core.checks import WARNING, run_checks
from django.core.management import call_command

from ncfd_site.core import sql
from ncfd_site.schema import checks
from ncfd_site.schema.deploy import revisions

pytestmark = pytest.mark.django_db

HEAD = revisions.head()
KNOWN = revisions.ids()


@pytest.fixture(autouse=True)
def groups(db: None) -> None:
    for name in ("reviewer", "adjudicator", "operator", "analyst"):
        Group.objects.get_or_create(name=name)


def stand_at(*revisions: str) -> None:
    sql.execute("DELETE FROM alembic_version")
    for revision in revisions:
        sql.execute("INSERT INTO alembic_version VALUES (%s)", [revision])


def only_warning() -> tuple[str | None, str, str | None]:
    (message,) = checks.check_databases(databases=["default"])
    assert message.level == WARNING
    return message.id, message.msg, message.hint


def test_database_at_head_with_groups_passes() -> None:
    assert checks.check_databases(databases=["default"]) == []


def test_unnamed_database_is_not_checked() -> None:
    stand_at(KNOWN[0])

    assert checks.check_databases(databases=None) == []
    assert "ncfd.W001" not in {message.id for message in run_checks()}


def test_database_behind_lists_pending_revisions() -> None:
    stand_at(KNOWN[-3])

    assert only_warning() == (
        "ncfd.W001",
        f"Database default is at {KNOWN[-3]}, behind this code; pending: {KNOWN[-2]}, {HEAD}.",
        "Run manage.py migrate_alembic",
    )


def test_unknown_revision_is_reported() -> None:
    stand_at("20990101_from_tomorrow")

    identifier, text, hint = only_warning()

    assert identifier == "ncfd.W002"
    assert text == (
        f"Database default is at 20990101_from_tomorrow, which is not a revision of this code (newest: {HEAD})."
    )
    assert hint is not None
    assert "manage.py migrate_alembic --plan" in hint


def test_two_versions_are_reported() -> None:
    stand_at(KNOWN[0], HEAD)

    assert only_warning()[1].startswith(f"Database default is at {KNOWN[0]} and {HEAD}, which")


@pytest.mark.parametrize("statement", ["DELETE FROM alembic_version", "DROP TABLE alembic_version"])
def test_missing_version_is_reported(statement: str) -> None:
    sql.execute(statement)

    assert only_warning()[:2] == ("ncfd.W003", "Database default has no schema version.")


def test_missing_groups_are_reported() -> None:
    Group.objects.filter(name__in=["reviewer", "analyst"]).delete()

    assert only_warning() == (
        "ncfd.W004",
        "Database default lacks the groups reviewer, analyst, so their permissions cannot be granted.",
        "Run manage.py migrate",
    )


def test_command_prints_the_warning_and_succeeds() -> None:
    stand_at(KNOWN[0])
    output = StringIO()

    call_command("check", databases=["default"], stderr=output)

    assert "ncfd.W001" in output.getvalue()
    assert "Run manage.py migrate_alembic" in output.getvalue()
