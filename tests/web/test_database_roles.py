"""The site, pipelines and readers work with roles that own nothing."""

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from psycopg import sql

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema.database_roles import RoleNames, grant_roles
from ncfd_site.schema.deploy import access
from ncfd_site.schema.deploy.report import MigrationError
from tests.admin.conftest import person
from tests.databases import Keywords
from tests.ingest import lists, studies
from tests.migration import roles
from tests.migration.running import call, environment
from tests.migration.test_contract import PROJECT
from tests.sql import rolled_back
from tests.web.addresses import fillings
from tests.web.test_matrix import ADDRESSES

pytestmark = pytest.mark.django_db

NAMES = RoleNames("test_site", "test_pipeline", "test_reader")


@pytest.fixture
def granted() -> list[str]:
    """Return the statements that made the roles, in the transaction of the test."""
    connection.ensure_connection()
    return grant_roles(_raw(), NAMES)


def _raw() -> psycopg.Connection[Any]:
    assert isinstance(connection.connection, psycopg.Connection)
    return connection.connection


def test_every_page_is_shown_to_the_role_of_the_site(
    granted: list[str], settings: LazySettings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "django.request")
    settings.CONTENT_ROOT = tmp_path
    fill = fillings()
    targets = [fill(address) for address in ADDRESSES if "logout" not in address.pattern]
    client = Client(raise_request_exception=False)
    client.force_login(person("superuser"))
    before = {target: client.get(target).status_code for target in targets}
    _raw().execute("SET ROLE test_site")
    assert {target: client.get(target).status_code for target in targets} == before


@pytest.mark.parametrize(
    ("role", "statement", "is_allowed"),
    [
        ("test_site", "INSERT INTO exchanges (code, name) VALUES ('X', 'X')", True),
        ("test_site", "SELECT refresh_active_us_securities()", True),
        ("test_site", "UPDATE alembic_version SET version_num = 'x'", False),
        ("test_site", "DELETE FROM alembic_migration_log", False),
        ("test_site", "ALTER TABLE link_reviews DISABLE TRIGGER ALL", False),
        ("test_site", "TRUNCATE link_reviews", False),
        ("test_site", "CREATE TABLE extra ()", False),
        ("test_pipeline", "SELECT refresh_active_us_securities()", True),
        ("test_pipeline", "SELECT FROM link_reviews", True),
        ("test_pipeline", "INSERT INTO review_samples DEFAULT VALUES", False),
        ("test_pipeline", "DELETE FROM link_reviews", False),
        ("test_pipeline", "SELECT FROM site_api_tokens", False),
        ("test_pipeline", "SELECT FROM auth_user", False),
        ("test_reader", "SELECT FROM scores", True),
        ("test_reader", "SELECT FROM v_company_tickers", True),
        ("test_reader", "DELETE FROM scores", False),
        ("test_reader", "SELECT FROM site_api_tokens", False),
        ("test_reader", "SELECT FROM django_session", False),
        ("test_reader", "SELECT refresh_active_us_securities()", False),
    ],
)
def test_rights(granted: list[str], role: str, statement: str, is_allowed: bool) -> None:
    _raw().execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
    if is_allowed:
        _raw().execute(statement)
    else:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            _raw().execute(statement)


def test_pipelines_can_execute_every_write_of_the_contract(granted: list[str]) -> None:
    for statement in access.ROWS:
        _raw().execute(statement)
    _raw().execute("SET ROLE test_pipeline")
    for statement in access.WRITES:
        with rolled_back():
            _raw().execute(statement)


def test_a_second_run_changes_only_what_was_granted_too_much(granted: list[str]) -> None:
    assert granted[0] == 'CREATE ROLE "test_site" NOLOGIN'
    assert grant_roles(_raw(), NAMES) == []
    _raw().execute("GRANT TRUNCATE, SELECT ON trials TO test_reader")
    assert grant_roles(_raw(), NAMES) == ['REVOKE TRUNCATE ON TABLE "public"."trials" FROM "test_reader"']
    for more in (
        "GRANT INSERT ON link_reviews TO PUBLIC",
        "GRANT pg_write_all_data TO test_reader",
        "GRANT {owner} TO test_site",
    ):
        with rolled_back():
            _raw().execute(more.format(owner=_raw().info.user))
            with pytest.raises(MigrationError) as refused:
                grant_roles(_raw(), NAMES)
            assert refused.value.exit_code == ExitCode.REFUSED


COMMANDS = """
import json, os, sys
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "ncfd_site.settings"
django.setup()
from django.core.management import call_command
for command in json.loads(sys.argv[1]):
    try:
        call_command(*command)
    except (Exception, SystemExit) as error:
        print(command, repr(error), getattr(error, "returncode", ""), file=sys.stderr)
"""


def test_commands_of_the_site_work_with_its_role(head_database: Keywords, tmp_path: Path) -> None:
    registry = studies.jsonl(tmp_path / "studies.jsonl", [studies.study(1), studies.study(2)])
    tickers = lists.as_csv(tmp_path / "tickers.csv", lists.EXAMPLE, lists.SAMPLE)

    def work(keywords: Keywords, *commands: list[str]) -> str:
        done = subprocess.run(
            [sys.executable, "-c", COMMANDS, json.dumps(commands)],
            cwd=PROJECT,
            env={**environment(keywords), "CONTENT_ROOT": str(tmp_path / "content"), "NCFD_HOME": str(tmp_path)},
            text=True,
            capture_output=True,
            check=True,
        )
        return done.stderr

    with roles.created(head_database, "test_web"):
        assert not work(head_database, ["migrate", "-v0"], ["database_roles", "--apply"])
        with psycopg.connect(**head_database) as admin:
            admin.execute("GRANT ncfd_site TO test_web")
        web = {**head_database, "user": "test_web", "password": "test_web"}
        errors = work(
            web,
            ["load_sec_tickers", str(tickers)],
            ["load_ctgov", str(registry)],
            ["fire_registry_signals"],
            ["score_trials", "--run-id", "first"],
            ["verify_scores"],
            ["storage_verify"],
            ["storage_gc"],
            ["prune"],
        )
        assert errors == ""
        code, out, error = call(head_database, "--drift")
        assert (code, error) == (0, ""), out
        with psycopg.connect(**head_database, autocommit=True) as admin:
            for role in ("ncfd_site", "ncfd_pipeline", "ncfd_reader"):
                admin.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(role)))
