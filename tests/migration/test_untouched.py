"""A run keeps foreign objects, read-only modes keep everything, and no output has secrets."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg
import pytest
from alembic import command
from psycopg.conninfo import make_conninfo

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema.deploy import alembic_runner, bookkeeping, deploy, inspection, session
from ncfd_site.schema.deploy.deploy import DeployOptions
from ncfd_site.schema.deploy.report import MigrationError, Progress, RunResult
from tests import databases
from tests.databases import Keywords
from tests.migration import states
from tests.migration.running import call, finish, query, start
from tests.migration.test_contract import CONTRACT_HEAD, ROOT_REVISION
from tests.migration.test_live_states import EVERYTHING

NOT_OURS = """
    CREATE SCHEMA other;
    CREATE TABLE other.trials (id integer PRIMARY KEY, note text);
    CREATE TABLE other.storage_references (reference_id bigint);
    CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text);
    CREATE TABLE auth_user (id integer PRIMARY KEY, username text UNIQUE, CHECK (id > 0) NOT VALID);
    CREATE TABLE notes_of_the_desk (id integer);
    INSERT INTO other.trials VALUES (1, 'kept');
    INSERT INTO other.storage_references VALUES (1);
    INSERT INTO django_session VALUES ('key', 'data');
    INSERT INTO auth_user VALUES (1, 'rita');
    INSERT INTO notes_of_the_desk VALUES (1);
"""
_TABLES = ("other.trials", "other.storage_references", "django_session", "auth_user", "notes_of_the_desk")
# Definition, storage and rows of foreign objects, with the transaction that wrote each row.
STATE = " UNION ALL ".join(
    f"SELECT '{table}', c.relfilenode::text, c.xmin::text, (SELECT string_agg(t::text || t.xmin, ',') FROM {table} t)"
    f" FROM pg_class c WHERE c.oid = '{table}'::regclass"
    for table in _TABLES
)


@pytest.mark.parametrize("arguments", [(), ("--adopt", "auto", "--noinput")], ids=["run", "adopt"])
def test_tables_of_django_other_schemas_and_other_owners_are_never_touched(
    empty_database: Keywords, arguments: tuple[str, ...]
) -> None:
    states.hand_applied(*states.HAND_APPLIED)(empty_database)
    states.execute(empty_database, NOT_OURS)
    before = query(empty_database, STATE)
    code, _, error = call(empty_database, *arguments)
    assert (code, error) == (0, "")
    assert query(empty_database, STATE) == before
    assert call(empty_database, ROOT_REVISION, "--allow-destructive", "20250123_add_link_audit_fields")[0] in (
        ExitCode.DONE,
        ExitCode.CONSENT_NEEDED,
    )
    assert query(empty_database, STATE) == before


LOOKS: dict[str, Callable[[Keywords, Progress], object]] = {
    "--plan": lambda keywords, progress: inspection.show_plan(keywords, "head", progress),
    "--sql": lambda keywords, progress: inspection.render_sql(keywords, "head", progress),
    "--drift": inspection.show_drift,
    "--history": inspection.show_history,
    "--adopt --plan": lambda keywords, progress: deploy.plan_adoption(keywords, "auto", "head", progress),
    "a run that stops": lambda keywords, progress: deploy.deploy(keywords, "head", progress, DeployOptions()),
}


@pytest.mark.parametrize("state", ["out-of-band", "without version"])
def test_read_only_modes_keep_catalog_rows_and_log(empty_database: Keywords, state: str) -> None:
    states.head_out_of_band(empty_database)
    if state == "without version":
        states.execute(empty_database, "DROP TABLE alembic_version")
    with _nothing_written(empty_database):
        for verb in LOOKS.values():
            with suppress(MigrationError):
                verb(empty_database, Progress(lambda _: None, 0, RunResult(database="test")))
        for flags in (("--check",), ("--adopt", "auto", "--plan", "--json")):
            call(empty_database, *flags)


@contextmanager
def _nothing_written(keywords: Keywords) -> Iterator[None]:
    # The server counts the writes of a session at its end, which follows the close of its connection.
    others = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    written = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"

    def final_state() -> object:
        with psycopg.connect(**keywords, autocommit=True) as connection:
            while connection.execute(others).rowcount:
                time.sleep(0.02)
            return connection.execute(written).fetchone()

    before = query(keywords, EVERYTHING), final_state()
    yield
    assert (query(keywords, EVERYTHING), final_state()) == before


def test_no_output_names_a_password(empty_database: Keywords, worker: str) -> None:
    role, secret = f"deployer_{worker}", "Geheimes-Wort"
    states.execute(
        empty_database, f"DROP ROLE IF EXISTS {role}", f"CREATE ROLE {role} SUPERUSER LOGIN PASSWORD '{secret}'"
    )
    keywords = {**empty_database, "user": role, "password": secret}
    try:
        output = ""
        for flags in (
            (ROOT_REVISION,),
            ("--plan",),
            ("--sql",),
            ("--drift",),
            ("no_such",),
            ("--json",),
            ("--history",),
        ):
            _, out, error = call(keywords, *flags, "-v", "3")
            output += out + error
        for other in ({"password": f"{secret}!"}, {"port": "1"}, {"dbname": "no_such_database"}):
            _, out, error = call({**keywords, **other}, "--json")
            output += out + error
            assert json.loads(out)["exit"] == ExitCode.UNUSABLE_CONNECTION or "password" in other
        assert secret not in output
        assert make_conninfo(**keywords) not in output
        assert "Traceback" not in output
    finally:
        states.execute(
            empty_database, f"REASSIGN OWNED BY {role} TO CURRENT_USER; DROP OWNED BY {role}; DROP ROLE {role}"
        )


def test_a_connection_with_an_open_transaction_is_refused(empty_database: Keywords) -> None:
    """Alembic would not commit it, and report success."""
    databases.become(empty_database, CONTRACT_HEAD)
    config = alembic_runner.alembic_config()
    with (
        session.connect(empty_database) as connection,
        alembic_runner.sqlalchemy_connection(connection) as wrapped,
    ):
        wrapped.exec_driver_sql("SELECT 1")
        config.attributes.update(connection=wrapped, allow_destructive=(), log=bookkeeping.RunLog())
        with pytest.raises(RuntimeError, match="A transaction is open"):
            command.upgrade(config, "head")
    assert query(empty_database, "SELECT version_num FROM alembic_version") == [(CONTRACT_HEAD,)]


def test_the_version_is_never_missing_while_it_is_written(empty_database: Keywords) -> None:
    """A continuous reader always sees a version during an adoption."""
    states.at_head(empty_database)
    states.execute(empty_database, f"INSERT INTO alembic_version VALUES ('{ROOT_REVISION}')")
    process = start(empty_database, "--adopt", "auto", "--noinput")
    seen: set[int] = set()
    with psycopg.connect(**empty_database, autocommit=True) as connection:
        while process.poll() is None:
            row = connection.execute("SELECT count(*) FROM alembic_version").fetchone()
            seen.add(row[0] if row else 0)
    assert finish(process)[0] == 0
    assert seen <= {1, 2}
    assert 1 in seen


def test_printed_sql_has_the_lock_timeouts_of_a_run(empty_database: Keywords) -> None:
    databases.become(empty_database, CONTRACT_HEAD)
    code, script, _ = call(empty_database, "--sql")
    assert (code, script.startswith("SET lock_timeout = '500ms';\n")) == (0, True)
    online = ("CREATE INDEX CONCURRENTLY", "CREATE UNIQUE INDEX CONCURRENTLY", "ALTER TABLE gates VALIDATE")
    statements = [line for line in script.splitlines() if line and not line.startswith(("--", " "))]
    built = [number for number, line in enumerate(statements) if line.startswith(online)]
    assert built
    for number in built:
        assert statements[number - 1] == "SET lock_timeout = 0;"
        assert "SET lock_timeout = '500ms';" in statements[number + 1 : number + 3]
