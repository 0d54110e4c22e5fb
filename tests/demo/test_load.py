"""Loads of the demonstration: once, completely or not at all, and into an empty database only."""

import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from pytest_django import Settings

from ncfd_site.config.errors import ConfigurationError, ExitCode, UserError
from ncfd_site.core import demo_flag, sql
from ncfd_site.demo import load
from ncfd_site.postgres import connection_parameters
from signals.models import Trial
from tests.demo.days import TODAY
from tests.factories import make_company, make_trial

# Rows of a new database.
NEW = {"exchanges": 5, "resolver_flags": 1, "resolver_ignore_sponsor": 2}


@pytest.fixture(autouse=True)
def _own_content(settings: Settings, tmp_path: Path) -> Any:
    settings.CONTENT_ROOT = tmp_path
    yield
    demo_flag.clear_cache()


def counts() -> dict[str, int]:
    return {table: count for part in load.count_rows().values() for table, count in part.items()}


def is_untouched() -> bool:
    found = {table: count for table, count in counts().items() if count}
    return found == NEW and sql.value(demo_flag.READ_COMMENT) is None


@pytest.mark.django_db
def test_with_database_url_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://rita:secret@db.example/ncfd")
    with pytest.raises(ConfigurationError, match="DATABASE_URL is set") as refused:
        load.load(TODAY)
    assert "secret" not in str(refused.value)
    assert is_untouched()


@pytest.mark.django_db
@pytest.mark.parametrize("make", [make_trial, make_company])
def test_other_data_is_left_unchanged(make: Any, capsys: pytest.CaptureFixture[str]) -> None:
    make()
    before = counts()
    with pytest.raises(CommandError, match="NCFD_HOME") as refused:
        call_command("load_demonstration")
    assert refused.value.returncode == ExitCode.REFUSED
    call_command("load_demonstration", "--if-empty")
    assert "not loaded" in capsys.readouterr().out
    assert counts() == before
    assert not demo_flag.is_demonstration()


@pytest.mark.django_db
def test_without_a_schema_the_error_names_the_command() -> None:
    sql.execute("ALTER TABLE trials RENAME TO trials_elsewhere")
    with pytest.raises(UserError, match="migrate_alembic"):
        load.load(TODAY)


@pytest.mark.django_db
def test_a_failure_near_the_end_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(load, "_mark_database", fail)
    with pytest.raises(RuntimeError):
        load.load(TODAY)
    assert is_untouched()


@pytest.mark.django_db(transaction=True)
def test_a_lost_connection_leaves_nothing_and_a_second_load_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    def lose_connection(*_: Any) -> None:
        with psycopg.connect(**{**connection_parameters(), "dbname": connection.settings_dict["NAME"]}) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [sql.value("SELECT pg_backend_pid()")])

    with monkeypatch.context() as patch:
        patch.setattr(load, "STEPS", (*load.STEPS[:-2], lose_connection, *load.STEPS[-2:]))
        with pytest.raises(OperationalError):
            load.load(TODAY)
    connection.close()
    assert is_untouched()
    assert load.load(TODAY)


@pytest.mark.django_db(transaction=True)
def test_two_loads_at_once_load_it_once_and_a_third_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    answers: list[bool] = []

    def run() -> None:
        try:
            answers.append(load.load(TODAY))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False, True]
    assert demo_flag.is_demonstration()

    before = state()
    assert not load.load(TODAY)
    call_command("load_demonstration")
    assert "Nothing was changed" in capsys.readouterr().out
    assert state() == before
    # Rows that were added later change nothing.
    make_trial()
    assert not load.load(TODAY)


@pytest.mark.django_db
def test_the_command_prints_the_rows_of_each_table_and_pages_to_start_with(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("load_demonstration")
    printed = capsys.readouterr().out
    assert f"trials {Trial.objects.count()}," in printed
    assert "/links/" in printed
    assert "/heuristics/" in printed
    assert "/admin/" in printed


def state() -> tuple[Any, ...]:
    """Return the rows of every table, the values of the sequences, and the newest transaction that wrote a link."""
    sequences = sql.value(
        "SELECT json_object_agg(sequencename, last_value ORDER BY sequencename)::text FROM pg_sequences"
        " WHERE schemaname = 'public'"
    )
    newest = sql.value("SELECT max(xmin::text::bigint)::text FROM link_audit")
    return counts(), sequences, newest
