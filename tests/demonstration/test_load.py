"""Loading the demonstration: once, whole or not at all, and never beside other data."""

import threading
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from pytest_django import Settings

from ncfd_site.config.errors import ConfigurationError, UserError
from ncfd_site.core import demo_flag, sql
from ncfd_site.demonstration import load, report
from ncfd_site.demonstration.rows.links import add_claims
from ncfd_site.postgres import connection_parameters
from signals.models import Trial
from tests.factories import make_company, make_trial

TODAY = date(2026, 11, 22)
# What a new database is born with.
BORN = {"exchanges": 5, "resolver_flags": 1, "resolver_ignore_sponsor": 2}


@pytest.fixture(autouse=True)
def _own_content(settings: Settings, tmp_path: Path) -> Any:
    settings.CONTENT_ROOT = tmp_path
    yield
    demo_flag.clear_cache()


def is_untouched() -> bool:
    found = {table: count for table, count in report.counts().items() if count}
    return found == BORN and sql.value(demo_flag.COMMENT) is None


@pytest.mark.django_db
def test_with_a_server_of_its_own_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://somebody:secret@db.example/ncfd")
    with pytest.raises(ConfigurationError, match="DATABASE_URL is set") as refused:
        load.load(TODAY)
    assert "secret" not in str(refused.value)
    assert is_untouched()


@pytest.mark.django_db
@pytest.mark.parametrize("make", [make_trial, make_company])
def test_beside_other_data_it_refuses_and_says_what_to_do(make: Any, capsys: pytest.CaptureFixture[str]) -> None:
    make()
    before = report.counts()
    with pytest.raises(UserError, match=r"holds other data already.*NCFD_HOME"):
        call_command("load_demonstration")
    call_command("load_demonstration", "--if-empty")
    assert "left out" in capsys.readouterr().out
    assert report.counts() == before
    assert not demo_flag.is_demonstration()


@pytest.mark.django_db
def test_without_a_schema_it_says_how_to_make_one() -> None:
    sql.execute("ALTER TABLE trials RENAME TO trials_elsewhere")
    with pytest.raises(UserError, match="migrate_alembic"):
        load.load(TODAY)


@pytest.mark.django_db
def test_a_failure_near_the_end_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(load, "_mark", fail)
    with pytest.raises(RuntimeError):
        load.load(TODAY)
    assert is_untouched()


@pytest.mark.django_db(transaction=True)
def test_a_lost_connection_midway_leaves_nothing_and_it_can_be_loaded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(*args: Any) -> None:
        add_claims(*args)
        with psycopg.connect(**{**connection_parameters(), "dbname": connection.settings_dict["NAME"]}) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [sql.value("SELECT pg_backend_pid()")])

    with monkeypatch.context() as patch:
        patch.setattr(load, "add_claims", lose)
        with pytest.raises(OperationalError):
            load.load(TODAY)
    connection.close()
    assert is_untouched()
    assert load.load(TODAY)


@pytest.mark.django_db(transaction=True)
def test_once_loaded_it_changes_nothing_and_two_at_once_load_it_once(capsys: pytest.CaptureFixture[str]) -> None:
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
    assert "loaded already; nothing was changed" in capsys.readouterr().out
    assert state() == before
    # What was loaded beside it later is no reason to load it again, or to refuse.
    make_trial()
    assert not load.load(TODAY)


@pytest.mark.django_db
def test_the_command_tells_what_was_put_where(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("load_demonstration")
    told = capsys.readouterr().out
    assert f"trials {Trial.objects.count()}," in told
    assert "/links/" in told
    assert "/heuristics/" in told
    assert "/admin/" in told


def state() -> tuple[Any, ...]:
    """Rows of every table, how far each sequence is, and when the rows were last touched."""
    sequences = sql.value(
        "SELECT json_object_agg(sequencename, last_value ORDER BY sequencename)::text FROM pg_sequences"
        " WHERE schemaname = 'public'"
    )
    newest = sql.value("SELECT max(xmin::text::bigint)::text FROM link_audit")
    return report.counts(), sequences, newest
