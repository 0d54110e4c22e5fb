"""Servers and roles that allow only a part: checks report what they did not try, and succeed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema.deploy import revisions
from tests import databases
from tests.databases import Keywords
from tests.migration import states
from tests.migration.running import adopt, call, finish, start
from tests.migration.test_contract import CONTRACT_HEAD
from tests.postgres import Server, started_server

HEAD = revisions.head()


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    with started_server() as server:
        yield server


@pytest.fixture(scope="module")
def primary(own_server: Server) -> dict[str, Keywords]:
    """Return databases of that server: one at head, one behind."""
    made: dict[str, Keywords] = {}
    for name, revision in (("at_head", "head"), ("behind", CONTRACT_HEAD)):
        made[name] = conninfo_to_dict(own_server.url(name))
        databases.execute(made[name], "CREATE DATABASE {}", name)
        databases.migrate(made[name], revision)
    return made


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an installation without cached catalogs."""
    monkeypatch.setenv("NCFD_HOME", str(tmp_path))
    return tmp_path


def login(server: Server, role: str, *statements: str, attributes: str = "") -> Keywords:
    """Create a role, run statements in the database at head, and return its keywords there."""
    keywords = conninfo_to_dict(server.url("at_head"))
    states.execute(keywords, f"CREATE ROLE {role} LOGIN PASSWORD 'Wort' {attributes}", *statements)
    return conninfo_to_dict(server.url("at_head", user=role, password="Wort"))


def test_checks_on_a_hot_standby_succeed_and_report_what_they_did_not_try(
    own_server: Server, primary: dict[str, Keywords], home: Path
) -> None:
    with own_server.standby() as standby:
        at_head, behind = (conninfo_to_dict(standby.url(name)) for name in primary)
        for flags in ((), ("--plan",), ("--check",), ("--sql",), ("--history",)):
            assert call(at_head, *flags)[0] == 0, flags
        code, out, _ = call(at_head, "--verify-only")
        assert code == 0
        assert "because the server or the session is read-only (" in out
        assert "enforce_pivotal_study_card()" in out
        code, out, error = call(at_head, "--drift", "--json")
        assert code == 0
        assert "in a read-only transaction" in json.loads(out)["drift"]["partial"]
        assert "Partial: the server cannot read definitions again" in error

        assert call(behind, "--check")[0] == ExitCode.PENDING
        assert call(behind, "--plan")[0] == 0
        code, _, error = call(behind)
        assert (code, "read-only standby" in error) == (ExitCode.UNUSABLE_CONNECTION, True)


def test_checks_in_a_read_only_session_succeed(primary: dict[str, Keywords], home: Path) -> None:
    keywords = {**primary["at_head"], "options": "-c default_transaction_read_only=on"}
    for flag in ("--check", "--verify-only", "--drift"):
        assert call(keywords, flag)[0] == 0, flag
    assert call({**primary["behind"], "options": "-c default_transaction_read_only=on"})[0] == 9


def test_a_role_that_may_only_read_verifies_what_it_can(own_server: Server, primary: dict[str, Keywords]) -> None:
    reader = login(own_server, "reader", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    code, out, error = call(reader, "--verify-only", "--json")
    printed = json.loads(out)
    assert (code, printed["verified"], printed["problems"]) == (0, True, [])
    assert any("permission denied for table" in reason for reason in printed["not_tried"])
    assert "not tried:" in error
    assert call(reader, "--check")[0] == 0
    # Without any right on a table, its model is not tried.
    states.execute(primary["at_head"], "REVOKE SELECT ON trials FROM reader")
    not_tried = json.loads(call(reader, "--verify-only", "--json")[1])["not_tried"]
    assert "trials" in not_tried["permission denied for table trials"]


def test_without_temporary_tables_checks_succeed_and_a_run_names_the_grant(
    own_server: Server, primary: dict[str, Keywords]
) -> None:
    databases.execute(primary["at_head"], "CREATE ROLE plain LOGIN PASSWORD 'Wort'")
    databases.execute(primary["at_head"], "CREATE DATABASE plain OWNER plain")
    keywords = conninfo_to_dict(own_server.url("plain", user="plain", password="Wort"))
    databases.migrate(keywords)
    databases.execute(primary["at_head"], "REVOKE TEMPORARY ON DATABASE plain FROM PUBLIC, plain")
    code, out, _ = call(keywords, "--verify-only")
    assert code == 0
    assert "because permission denied to create temporary tables" in out
    code, _, error = call(keywords, CONTRACT_HEAD)
    assert code == ExitCode.UNUSABLE_CONNECTION
    assert "GRANT TEMPORARY ON DATABASE plain TO plain;" in error


def test_a_role_with_access_to_one_database_only_checks_and_adopts(
    own_server: Server, primary: dict[str, Keywords]
) -> None:
    databases.execute(primary["at_head"], "CREATE ROLE boxed LOGIN CREATEDB PASSWORD 'Wort'")
    databases.execute(primary["at_head"], "CREATE DATABASE boxed OWNER boxed")
    keywords = conninfo_to_dict(own_server.url("boxed", user="boxed", password="Wort"))
    databases.migrate(keywords, CONTRACT_HEAD)
    rules = own_server.folder / "data" / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"host boxed boxed all scram-sha-256\nhost all boxed all reject\n{before}")
    databases.execute(primary["at_head"], "SELECT pg_reload_conf()")
    assert call(keywords, "--drift")[0] == 0
    states.execute(keywords, "DROP TABLE alembic_version")
    assert adopt(keywords)[0].verified
    refused = conninfo_to_dict(own_server.url("at_head", user="boxed", password="Wort"))
    code, _, error = call(refused, "--check")
    assert (code, "refuses user 'boxed' for database 'at_head' from here" in error) == (9, True)


def test_a_missing_right_on_the_version_table_is_a_message(own_server: Server, primary: dict[str, Keywords]) -> None:
    databases.execute(primary["at_head"], "CREATE ROLE clerk LOGIN PASSWORD 'Wort'")
    databases.execute(primary["at_head"], "CREATE DATABASE clerk OWNER clerk")
    keywords = conninfo_to_dict(own_server.url("clerk", user="clerk", password="Wort"))
    databases.migrate(keywords, CONTRACT_HEAD)
    admin = conninfo_to_dict(own_server.url("clerk"))
    states.execute(
        admin, f"ALTER TABLE alembic_version OWNER TO {own_server.user}", "GRANT SELECT ON alembic_version TO clerk"
    )
    for command in (("manage.py", "migrate_alembic"), ("-m", "alembic", "upgrade", "head")):
        code, out, error = finish(start(keywords, command=command))
        assert code not in (0, 1)
        assert 'ALTER TABLE public.alembic_version OWNER TO "clerk";' in out + error
        assert "Traceback" not in out + error
