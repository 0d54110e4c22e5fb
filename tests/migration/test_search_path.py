"""The search path of a role or database never matters, and neither does the schema of an extension."""

import psycopg
import pytest

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema.deploy import revisions
from tests.databases import Keywords
from tests.migration import states
from tests.migration.running import call, finish, query, start
from tests.migration.test_contract import CONTRACT_HEAD, differences

HEAD = revisions.head()
COMMANDS = {
    "manage.py": ("manage.py", "migrate_alembic", "head"),
    "alembic": ("-m", "alembic", "upgrade", "head"),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("version", [None, "abc123"])
def test_the_version_table_of_another_application_is_left_alone(
    empty_database: Keywords, command: tuple[str, ...], version: str | None
) -> None:
    states.at_head(empty_database)
    states.execute(
        empty_database,
        "CREATE SCHEMA app",
        "CREATE TABLE app.alembic_version (version_num varchar(255) PRIMARY KEY)",
        "CREATE TABLE app.trials (id integer)",
        f"ALTER DATABASE {empty_database['dbname']} SET search_path = app, public",
    )
    if version:
        states.execute(empty_database, f"INSERT INTO app.alembic_version VALUES ('{version}')")
    code, _, error = finish(start(empty_database, command=command))
    assert (code, "Traceback" in error) == (0, False), error
    assert query(empty_database, "SELECT version_num FROM public.alembic_version") == [(HEAD,)]
    assert query(empty_database, "SELECT version_num FROM app.alembic_version") == ([(version,)] if version else [])
    assert query(
        empty_database,
        "SELECT relname FROM pg_class WHERE relnamespace = 'app'::regnamespace AND relkind = 'r' ORDER BY 1",
    ) == [("alembic_version",), ("trials",)]


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_schema_with_the_name_of_the_role_stays_empty(empty_database: Keywords, command: tuple[str, ...]) -> None:
    states.execute(empty_database, f'CREATE SCHEMA "{empty_database["user"]}"')
    code, _, error = finish(start(empty_database, command=command))
    assert code == 0, error
    assert differences(empty_database, "catalog-head.json") == []
    assert query(
        empty_database,
        f"SELECT count(*) FROM pg_class WHERE relnamespace = '\"{empty_database['user']}\"'::regnamespace",
    ) == [(0,)]


def test_an_extension_in_another_schema_is_used_there(ordinary_empty: Keywords) -> None:
    states.execute(
        ordinary_empty,
        "CREATE SCHEMA extensions",
        "CREATE EXTENSION pg_trgm SCHEMA extensions",
        "CREATE EXTENSION btree_gist SCHEMA extensions",
    )
    code, _, error = call(ordinary_empty)
    assert (code, error) == (0, "")
    index = "SELECT pg_get_indexdef('idx_company_aliases_alias_trgm'::regclass)"
    assert "(alias extensions.gin_trgm_ops)" in query(ordinary_empty, index)[0][0]
    assert query(ordinary_empty, "SELECT to_regtype('public.ticker_range')") == [(None,)]
    assert call(ordinary_empty, "--drift")[0] == 0


def test_an_extension_that_the_provider_refuses_is_done_without(ordinary_empty: Keywords) -> None:
    states.execute(
        ordinary_empty,
        "CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE 'not allow-listed' USING ERRCODE = 'XX321'; END $$",
        "CREATE EVENT TRIGGER no_extensions ON ddl_command_start WHEN TAG IN ('CREATE EXTENSION')"
        " EXECUTE FUNCTION refuse()",
    )
    code, _, error = call(ordinary_empty)
    assert (code, error) == (0, "")
    assert query(ordinary_empty, "SELECT to_regtype('ticker_range') IS NOT NULL") == [(True,)]
    assert query(ordinary_empty, "SELECT to_regclass('idx_company_aliases_alias_trgm')") == [(None,)]
    assert query(ordinary_empty, "SELECT count(*) FROM pg_extension WHERE extname IN ('pg_trgm', 'btree_gist')") == [
        (0,)
    ]


def test_an_error_in_a_statement_of_alembic_is_a_message(ordinary_empty: Keywords) -> None:
    states.at_head(ordinary_empty)
    states.execute(
        ordinary_empty,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'versions are frozen'; END $$",
        "CREATE TRIGGER frozen BEFORE UPDATE ON alembic_version FOR EACH ROW EXECUTE FUNCTION refuse()",
    )
    for command in COMMANDS.values():
        code, out, error = finish(start(ordinary_empty, command=command))
        assert code not in (0, 1)
        assert "PostgreSQL stopped the run: versions are frozen (PL/pgSQL function refuse() line 1" in out + error
        assert "Traceback" not in out + error
    assert query(ordinary_empty, "SELECT version_num FROM alembic_version") == [(CONTRACT_HEAD,)]


def test_an_event_trigger_that_fails_is_named(ordinary_empty: Keywords) -> None:
    states.at_head(ordinary_empty)
    states.execute(
        ordinary_empty,
        "CREATE FUNCTION audit() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no audit'; END $$",
        "CREATE EVENT TRIGGER audited ON ddl_command_end EXECUTE FUNCTION audit()",
    )
    code, _, error = call(ordinary_empty)
    assert code == ExitCode.FAILED
    assert "no audit" in error
    assert "failed and was rolled back" in error


def test_an_unexpected_error_is_no_traceback_and_not_pending(
    head_database: Keywords, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("surprise")

    monkeypatch.setattr("ncfd_site.schema.deploy.diagnose.diagnose", fail)
    code, _, error = call(head_database)
    assert code == ExitCode.FAILED
    assert "Unexpected ValueError: surprise. Run the command with --traceback" in error


def test_a_view_with_the_name_of_a_later_table_is_refused_beforehand(empty_database: Keywords) -> None:
    states.at_head(empty_database)
    states.execute(empty_database, "CREATE VIEW trial_current_scores AS SELECT 1 AS trial_id")
    code, _, error = call(empty_database, "--plan")
    assert code == ExitCode.REFUSED
    assert "relation trial_current_scores is view, expected table" in error


def test_a_column_of_a_user_that_must_be_filled_does_not_fail_the_verification(empty_database: Keywords) -> None:
    states.at_head(empty_database)
    with psycopg.connect(**empty_database) as connection:
        connection.execute("ALTER TABLE studies ADD curator text NOT NULL DEFAULT 'x' CHECK (curator <> '')")
        connection.execute("ALTER TABLE studies ALTER curator DROP DEFAULT")
    code, _, error = call(empty_database)
    assert (code, error) == (0, "")
