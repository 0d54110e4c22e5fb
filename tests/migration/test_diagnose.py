"""Every state of a database has a name, evidence and a command that resolves it."""

import json
from collections.abc import Callable

import pytest

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema.deploy import diagnose, revisions, session
from ncfd_site.schema.deploy.diagnose import State
from ncfd_site.schema.deploy.report import MigrationError
from tests import databases
from tests.databases import Keywords
from tests.migration import states
from tests.migration.running import adopt, call, query, run
from tests.migration.states import with_version
from tests.migration.test_contract import CONTRACT_HEAD, ROOT_REVISION
from tests.migration.test_live_states import EVERYTHING


def at(revision: str, *statements: str) -> Callable[[Keywords], None]:
    """Return a builder of a database at a revision, then altered."""

    def build(keywords: Keywords) -> None:
        databases.become(keywords, revisions.head() if revision == "head" else revision)
        states.execute(keywords, *statements)

    return build


GOES_ON: dict[str, tuple[Callable[[Keywords], None], State, bool]] = {
    "empty": (lambda keywords: None, State.EMPTY, False),
    "empty, with an empty version table": (
        with_version(lambda keywords: None, "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)"),
        State.EMPTY,
        True,
    ),
    "at head": (at("head"), State.AT_HEAD, False),
    "at head, with foreign additions": (
        at("head", "CREATE TABLE notes (id integer)", "ALTER TABLE trials ADD note text"),
        State.AT_HEAD,
        False,
    ),
    "at head, with an invalid index of another table": (
        at(
            "head",
            "CREATE TABLE notes (id integer)",
            "CREATE INDEX notes_id ON notes (id)",
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'notes_id'::regclass",
        ),
        State.AT_HEAD,
        False,
    ),
    "at head, with the columns of live securities": (
        at(CONTRACT_HEAD, "ALTER TABLE securities ADD issuer_name text, ADD exchange text, ADD active boolean"),
        State.BEHIND,
        False,
    ),
    "behind": (at(ROOT_REVISION), State.BEHIND, False),
    "behind, with outdated definitions": (states.at_head, State.BEHIND, False),
    "short column": (
        at(CONTRACT_HEAD, "ALTER TABLE alembic_version ALTER version_num TYPE varchar(60)"),
        State.BEHIND,
        True,
    ),
    "out-of-band": (states.hand_applied(*states.HAND_APPLIED), State.OUT_OF_BAND, False),
    "all out-of-band": (
        with_version(states.at_head, f"UPDATE alembic_version SET version_num = '{ROOT_REVISION}'"),
        State.OUT_OF_BAND,
        False,
    ),
}


@pytest.mark.parametrize(("build", "state", "short"), GOES_ON.values(), ids=GOES_ON)
def test_a_run_starts_from_this_state(
    empty_database: Keywords, build: Callable[[Keywords], None], state: State, short: bool
) -> None:
    build(empty_database)
    with session.connect(empty_database) as connection:
        found = diagnose.diagnose(connection)
    assert (found.state, found.is_version_column_short) == (state, short)
    assert run(empty_database).after == revisions.head()


STOPS: dict[str, tuple[Callable[[Keywords], None], State, str, str]] = {
    "tables without a version": (
        at(CONTRACT_HEAD, "DROP TABLE alembic_version"),
        State.WITHOUT_VERSION,
        "alembic_version is missing",
        "migrate_alembic --adopt auto",
    ),
    "empty version table": (
        at(CONTRACT_HEAD, "DELETE FROM alembic_version"),
        State.EMPTY_VERSION_TABLE,
        "alembic_version is empty",
        "migrate_alembic --adopt auto",
    ),
    "several rows": (
        at(CONTRACT_HEAD, "INSERT INTO alembic_version VALUES ('20250123_add_p_value_column')"),
        State.SEVERAL,
        f"holds 2 rows instead of one: 20250123_add_p_value_column, {CONTRACT_HEAD}.",
        "migrate_alembic --adopt auto",
    ),
    "name of a file": (
        at(CONTRACT_HEAD, "UPDATE alembic_version SET version_num = '20250123_add_p_value_generated_column'"),
        State.MISNAMED,
        "instead of the revision id 20250123_add_p_value_column",
        "migrate_alembic --adopt auto",
    ),
    "another line": (
        at(CONTRACT_HEAD, "UPDATE alembic_version SET version_num = '4f1c0ffee123'"),
        State.UNKNOWN,
        "4f1c0ffee123, which is neither a revision of this code",
        "Set DATABASE_URL to the right database",
    ),
    "later migration of the pipelines": (
        at(CONTRACT_HEAD, "UPDATE alembic_version SET version_num = 'ea45863147eb'"),
        State.PIPELINES_REVISION,
        f"holds ea45863147eb: the pipelines' own migrations after {CONTRACT_HEAD}. The schema fits that revision.",
        f"migrate_alembic --adopt {CONTRACT_HEAD}",
    ),
    "ahead": (
        at(
            "head",
            "UPDATE alembic_version SET version_num = '20990101_newer'",
            f"UPDATE alembic_migration_log SET revision = '20990101_newer' WHERE revision = '{revisions.head()}'",
        ),
        State.AHEAD,
        "20990101_newer, which newer code applied",
        f"migrate_alembic {revisions.head()}",
    ),
    "index missing": (
        at(CONTRACT_HEAD, "DROP INDEX ix_scores_run_id"),
        State.NOT_ITS_REVISION,
        "missing: index ix_scores_run_id",
        f"migrate_alembic --adopt {CONTRACT_HEAD}",
    ),
    "index missing at head": (
        at("head", "DROP INDEX ix_scores_run_id"),
        State.NOT_ITS_REVISION,
        "missing: index ix_scores_run_id",
        f"migrate_alembic --adopt {revisions.head()}",
    ),
    "number at its own revision": (
        at(
            CONTRACT_HEAD,
            "DROP VIEW v_company_tickers",
            "ALTER TABLE company_securities ALTER security_id TYPE integer USING security_id::integer",
        ),
        State.NOT_ITS_REVISION,
        "company_securities.security_id is integer; it becomes text",
        f"migrate_alembic --adopt {CONTRACT_HEAD}",
    ),
    "tables missing": (
        at(CONTRACT_HEAD, "DROP TABLE signals, gates, scores"),
        State.NOT_ITS_REVISION,
        "missing: ",
        "migrate_alembic --adopt auto",
    ),
    "foreign": (
        lambda keywords: states.execute(keywords, "CREATE TABLE invoices (id integer)"),
        State.FOREIGN,
        "This is not an ncfd database",
        "Set DATABASE_URL to the ncfd database or to an empty one",
    ),
}


@pytest.mark.parametrize(("build", "state", "evidence", "remedy"), STOPS.values(), ids=STOPS)
def test_a_run_stops_before_anything_is_written(
    empty_database: Keywords, build: Callable[[Keywords], None], state: State, evidence: str, remedy: str
) -> None:
    build(empty_database)
    before = query(empty_database, EVERYTHING)
    with session.connect(empty_database) as connection:
        assert diagnose.diagnose(connection).state is state
    with pytest.raises(MigrationError) as refusal:
        run(empty_database)
    output = str(refusal.value)
    assert refusal.value.exit_code is ExitCode.REFUSED
    assert evidence in output
    assert remedy in output
    assert "\n" not in output
    assert query(empty_database, EVERYTHING) == before


def test_json_has_the_state_and_standard_error_the_message(empty_database: Keywords) -> None:
    STOPS["several rows"][0](empty_database)
    code, out, error = call(empty_database, "--json")
    output = json.loads(out)
    assert (code, output["exit"], output["state"]) == (ExitCode.REFUSED, ExitCode.REFUSED, "several versions")
    assert output["error"] in error
    assert "Traceback" not in error


REPAIRED = [name for name, (_, state, _, _) in STOPS.items() if state not in diagnose.NOT_OURS]


@pytest.mark.parametrize("name", REPAIRED)
def test_the_command_in_the_message_repairs_it(empty_database: Keywords, name: str) -> None:
    STOPS[name][0](empty_database)
    with pytest.raises(MigrationError) as refusal:
        run(empty_database)
    output = str(refusal.value)
    asked = output.partition("migrate_alembic --adopt ")[2].split()[0].strip(".")
    assert adopt(empty_database, asked)[0].verified
    assert run(empty_database).applied == []
