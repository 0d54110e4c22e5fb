"""Adoption proves the current revision, records it in one statement, and repairs known drift."""

import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from ncfd_site.config.errors import ExitCode
from ncfd_site.postgres.embedded import programs
from ncfd_site.schema.deploy import deploy, revisions
from ncfd_site.schema.deploy.report import MigrationError, Progress, RunResult
from tests import databases
from tests.databases import Keywords
from tests.migration import states
from tests.migration.running import SECRET_KEY, adopt, call, finish, query, run, start
from tests.migration.test_contract import CONTRACT_HEAD, PROJECT, ROOT_REVISION, differences
from tests.migration.test_live_states import EVERYTHING

ADOPT = ("--adopt", "auto", "--noinput")


@pytest.fixture
def unversioned(empty_database: Keywords) -> Keywords:
    """A live database at the head of the contract without its version table."""
    states.at_head(empty_database)
    states.execute(empty_database, "DROP TABLE alembic_version")
    return empty_database


@pytest.fixture
def with_known_drift(empty_database: Keywords) -> Keywords:
    """The same, with all known drift."""
    states.head_out_of_band(empty_database)
    states.execute(empty_database, "DROP TABLE alembic_version")
    return empty_database


DISTINCT_REVISIONS = [
    ROOT_REVISION,
    "20250122_fix_pivotal_study_card_trigger",
    "20250122_add_storage_refcounting",
    "20250123_add_p_value_column",
    "20250123_add_storage_objects_and_references",
    "20250123_add_link_audit_fields",
]


@pytest.mark.parametrize("revision", DISTINCT_REVISIONS)
def test_auto_finds_the_revision_that_the_schema_is_at(empty_database: Keywords, revision: str) -> None:
    databases.become(empty_database, revision)
    states.execute(empty_database, "DROP TABLE alembic_version")
    result, printed = adopt(empty_database)
    assert result.adoption is not None
    assert result.adoption["revision"] == revision
    assert f"The schema is at {revision}." in printed
    assert result.verified


def test_the_command_prints_evidence_records_and_upgrades(unversioned: Keywords) -> None:
    code, out, error = call(unversioned, *ADOPT)
    assert (code, error) == (0, "")
    assert "with each revision, as this server reads it" in out
    assert f"  {CONTRACT_HEAD}: fits" in out
    assert f"  {ROOT_REVISION}: fits" in out
    assert f"Recorded {CONTRACT_HEAD}; before: none" in out
    assert "outdated definitions replaced by 20250125_replace_faulty_routines" in out
    assert "Verified:" in out
    width = "SELECT character_maximum_length FROM information_schema.columns WHERE table_name = 'alembic_version'"
    assert query(unversioned, width) == [(255,)]
    assert call(unversioned)[1].startswith("Nothing to do:")
    assert call(unversioned, *ADOPT)[1].splitlines()[-1].startswith("Nothing to do:")


def test_the_previous_version_is_in_the_log(empty_database: Keywords) -> None:
    states.at_head(empty_database)
    states.execute(empty_database, "UPDATE alembic_version SET version_num = '20250122_add_storage_reference_counting'")
    adopt(empty_database)
    printed = json.loads(call(empty_database, "--history", "--json")[1])
    acts = [(entry["action"], entry["outcome"]) for entry in printed["history"]]
    adopted_at = acts.index(("adopt", "done"))
    assert set(acts[adopted_at + 1 : -1]) == {("up", "done")}
    assert acts[-1] == ("verify", "done")
    adopted = next(entry for entry in printed["history"] if entry["action"] == "adopt")
    assert "before: 20250122_add_storage_reference_counting" in adopted["detail"]


def test_a_plan_prints_evidence_and_sql_and_writes_nothing(with_known_drift: Keywords) -> None:
    before, rows = query(with_known_drift, EVERYTHING), states.rows(with_known_drift)
    code, out, _ = call(with_known_drift, "--adopt", "auto", "--plan")
    assert code == 0
    assert query(with_known_drift, EVERYTHING) == before
    assert states.rows(with_known_drift) == rows
    assert "known drift: company_securities.security_id is integer" in out
    assert "known drift: storage_references calls referenced_id reference_id and its key ref_id" in out
    assert "known drift: the key of staging_errors is named error_id" in out
    assert "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_scores_run_id" in out
    assert "ADD CONSTRAINT ck_scores_p_fail_range CHECK" in out
    assert "UPDATE storage_objects SET refcount = 2 WHERE object_id = 1001; -- was 5" in out


def test_the_planned_sql_does_what_adoption_does(with_known_drift: Keywords) -> None:
    rows = states.rows(with_known_drift)
    printed = json.loads(call(with_known_drift, "--adopt", "auto", "--plan", "--json")[1])
    psql = subprocess.run(
        [programs.find_program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", make_conninfo(**with_known_drift)],
        input=printed["adoption"]["sql"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert psql.returncode == 0, psql.stderr
    assert states.kept(rows, states.rows(with_known_drift)) == []
    assert differences(with_known_drift, "catalog-head.json") == []
    assert call(with_known_drift, "--verify-only")[0] == 0
    assert query(with_known_drift, "SELECT refcount FROM storage_objects ORDER BY object_id") == [(2,), (0,)]


def test_the_planned_sql_widens_a_column_that_is_too_short(empty_database: Keywords) -> None:
    states.at_head(empty_database)
    states.execute(
        empty_database, "DELETE FROM alembic_version", "ALTER TABLE alembic_version ALTER version_num TYPE varchar(32)"
    )
    planned = deploy.plan_adoption(
        empty_database, "auto", "head", Progress(lambda _: None, 0, RunResult(database="test"))
    )
    with psycopg.connect(**empty_database) as connection:
        connection.execute(planned.partition("\n-- Upgrade from there")[0].replace("BEGIN;", "").replace("COMMIT;", ""))
    assert query(empty_database, "SELECT version_num FROM alembic_version") == [(CONTRACT_HEAD,)]
    assert run(empty_database).verified


WRONG = {
    "a type": ("ALTER TABLE trials ALTER phase TYPE text", "differs: column trials.phase is text"),
    "a column is missing": ("ALTER TABLE trials DROP indication", "missing: column trials.indication"),
    "a column may be null": ("ALTER TABLE trials ALTER nct_id DROP NOT NULL", "differs: column trials.nct_id"),
    "a table is missing": ("DROP TABLE merge_candidates", "missing: relation merge_candidates"),
    "a value of an enum": ("ALTER TYPE doc_status ADD VALUE 'lost'", "differs: enum doc_status"),
    "the p-value is not generated": (
        "ALTER TABLE studies ALTER p_value DROP EXPRESSION",
        "differs: column studies.p_value",
    ),
    "another check": (
        (
            "ALTER TABLE scores DROP CONSTRAINT ck_scores_p_fail_range;"
            " ALTER TABLE scores ADD CONSTRAINT ck_scores_p_fail_range CHECK (p_fail >= 0)"
        ),
        "differs: constraint scores.ck_scores_p_fail_range",
    ),
}


@pytest.mark.parametrize(("change", "words"), WRONG.values(), ids=WRONG)
def test_unknown_differences_are_listed_and_nothing_is_written(unversioned: Keywords, change: str, words: str) -> None:
    states.execute(unversioned, change)
    before = query(unversioned, EVERYTHING)
    with pytest.raises(MigrationError, match=r"objects? differs?\. Nothing was changed") as refusal:
        adopt(unversioned, CONTRACT_HEAD)
    assert refusal.value.exit_code is ExitCode.REFUSED
    assert words in str(refusal.value)
    code, _, error = call(unversioned, *ADOPT)
    assert (code, "Nothing was changed" in error) == (5, True)
    assert query(unversioned, EVERYTHING) == before


def test_an_out_of_band_table_without_a_column_is_not_adopted(empty_database: Keywords) -> None:
    databases.become(empty_database, ROOT_REVISION)
    states.apply(empty_database, "hand_applied_storage")
    states.execute(empty_database, "ALTER TABLE storage_objects DROP metadata")
    for attempt in (run, adopt):
        with pytest.raises(MigrationError, match=r"missing: column storage_objects\.metadata") as refusal:
            attempt(empty_database)
        assert refusal.value.exit_code is ExitCode.REFUSED
    assert query(empty_database, "SELECT version_num FROM alembic_version") == [(ROOT_REVISION,)]


def test_a_revision_given_by_name_must_fit(unversioned: Keywords) -> None:
    with pytest.raises(MigrationError, match=f"The schema is not at {revisions.head()}") as refusal:
        adopt(unversioned, revisions.head())
    assert refusal.value.exit_code is ExitCode.REFUSED
    with pytest.raises(MigrationError, match="There is no revision 'nonsense' to adopt"):
        adopt(unversioned, "nonsense")
    assert adopt(unversioned, CONTRACT_HEAD)[0].verified


def test_rows_that_violate_new_constraints_are_listed(with_known_drift: Keywords) -> None:
    states.execute(
        with_known_drift,
        "UPDATE scores SET p_fail = 1.5",
        "INSERT INTO gates (trial_id, \"G_id\", fired_bool) VALUES (4242, 'G2', false)",
        "DROP INDEX ix_signals_trial_s_id",
        "INSERT INTO signals (signal_id, trial_id, \"S_id\", severity) VALUES (1003, 1001, 'S1', 'L')",
    )
    before = query(with_known_drift, EVERYTHING)
    with pytest.raises(MigrationError, match=r"rows violate constraints to be added\. Nothing was changed") as refusal:
        adopt(with_known_drift)
    printed = str(refusal.value)
    assert "1 row violates scores.ck_scores_p_fail_range" in printed
    assert "score_id 1001" in printed
    assert "1 row violates gates.gates_trial_id_fkey" in printed
    assert "2 rows violate ix_signals_trial_s_id" in printed
    assert "signal_id 1001, signal_id 1003" in printed
    assert query(with_known_drift, EVERYTHING) == before


def test_an_unfinished_constraint_is_validated_and_an_invalid_index_rebuilt(unversioned: Keywords) -> None:
    states.execute(
        unversioned,
        "ALTER TABLE scores DROP CONSTRAINT ck_scores_p_fail_range",
        "ALTER TABLE scores ADD CONSTRAINT ck_scores_p_fail_range CHECK (p_fail >= 0 AND p_fail <= 1) NOT VALID",
    )
    _make_invalid(unversioned, "ix_scores_run_id")
    result, printed = adopt(unversioned)
    assert result.verified
    assert "  Repaired: constraint scores.ck_scores_p_fail_range is unfinished and is validated" in printed
    assert "  Repaired: index ix_scores_run_id is unfinished and is rebuilt" in printed


def test_a_missing_key_and_a_missing_unique_constraint_are_added(unversioned: Keywords) -> None:
    states.execute(
        unversioned,
        "ALTER TABLE resolver_flags DROP CONSTRAINT resolver_flags_pkey",
        "ALTER TABLE trial_assets_xref DROP CONSTRAINT uq_trial_assets_trial_asset",
    )
    assert adopt(unversioned)[0].verified
    assert differences(unversioned, "catalog-head.json") == []


def test_counts_are_corrected_and_every_change_is_recorded(unversioned: Keywords) -> None:
    states.execute(unversioned, "UPDATE storage_objects SET refcount = 7 WHERE object_id = 1002")
    adopt(unversioned)
    recorded = "SELECT object_id, detail FROM storage_events WHERE action = 'count_corrected'"
    assert query(unversioned, recorded) == [(1002, {"is": 0, "was": 7})]


def test_counts_that_drifted_despite_the_triggers_are_corrected(head_database: Keywords) -> None:
    """Rows were restored with disabled triggers."""
    states.execute(
        head_database,
        "SET session_replication_role = replica",
        *((states.LIVE / f"{file}.sql").read_text() for file in ("rows", "rows_of_the_head")),
        "UPDATE storage_objects SET refcount = 7 WHERE object_id = 1002",
    )
    _, printed = adopt(head_database)
    assert "  Repaired: 1 reference count of storage_objects (1002: 7 -> 0)" in printed
    logged = "SELECT detail FROM alembic_migration_log WHERE action = 'repair'"
    assert query(head_database, logged) == [("refcount of storage_objects: 1002: 7 -> 0",)]


@pytest.mark.parametrize("extra", [None, CONTRACT_HEAD], ids=["alone", "beside one of ours"])
def test_another_line_of_development_is_never_touched(empty_database: Keywords, extra: str | None) -> None:
    states.at_head(empty_database)
    states.execute(empty_database, "UPDATE alembic_version SET version_num = '4f1c0ffee123'")
    if extra:
        states.execute(empty_database, f"INSERT INTO alembic_version VALUES ('{extra}')")
    before = query(empty_database, EVERYTHING)
    for arguments in ((), ADOPT, ("--adopt", CONTRACT_HEAD, "--noinput")):
        code, _, error = call(empty_database, *arguments)
        assert code == 5
        assert "4f1c0ffee123, which is neither a revision of this code" in error
    assert query(empty_database, EVERYTHING) == before


def test_an_empty_database_has_nothing_to_adopt(empty_database: Keywords) -> None:
    code, _, error = call(empty_database, *ADOPT)
    assert code == ExitCode.USAGE
    assert "there is nothing to adopt. To create the schema: manage.py migrate_alembic" in error


def test_a_wrong_stamp_is_detected(empty_database: Keywords) -> None:
    """The stamp is the head of the contract, but the revisions after the third never ran."""
    databases.become(empty_database, "20250122_add_storage_refcounting")
    states.execute(empty_database, f"UPDATE alembic_version SET version_num = '{CONTRACT_HEAD}'")
    with pytest.raises(MigrationError, match="the schema differs from that revision"):
        run(empty_database)
    result, _ = adopt(empty_database)
    assert result.adoption is not None
    assert result.adoption["revision"] == "20250122_add_storage_refcounting"
    assert result.verified


def test_a_role_that_cannot_create_databases_adopts(unversioned: Keywords, worker: str) -> None:
    role = f"adopter_{worker}"
    states.execute(
        unversioned,
        f"DROP ROLE IF EXISTS {role}",
        f"CREATE ROLE {role} LOGIN PASSWORD 'adopter'",
        "DO $$ DECLARE t text; BEGIN FOR t IN SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace ="
        " 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm') LOOP EXECUTE format('ALTER TABLE %s OWNER TO "
        f"{role}', t); END LOOP; FOR t IN SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace ="
        f" 'public'::regnamespace AND p.prolang <> 13 LOOP EXECUTE format('ALTER ROUTINE %s OWNER TO {role}', t);"
        " END LOOP; END $$",
        f"GRANT CREATE, USAGE ON SCHEMA public TO {role}",
    )
    try:
        result, _ = adopt({**unversioned, "user": role, "password": "adopter"})
        assert result.verified
        assert result.adoption is not None
        assert result.adoption["partial"] is None
    finally:
        # Its session drops its temporary functions at its end.
        while query(unversioned, f"SELECT FROM pg_stat_activity WHERE usename = '{role}'"):
            time.sleep(0.05)
        states.execute(unversioned, f"REASSIGN OWNED BY {role} TO CURRENT_USER; DROP OWNED BY {role}; DROP ROLE {role}")


def test_an_operator_at_a_terminal_can_decline(unversioned: Keywords) -> None:
    before = query(unversioned, EVERYTHING)
    for answer, code in (("n\n", ExitCode.CONSENT_NEEDED), ("y\n", ExitCode.DONE)):
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "manage.py", "migrate_alembic", "--adopt", "auto"],
            cwd=PROJECT,
            env={
                **os.environ,
                "DATABASE_URL": make_conninfo(**unversioned),
                "SECRET_KEY": SECRET_KEY,
                "ALLOWED_HOSTS": "localhost",
            },
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.write(ours, answer.encode())
        out, error = process.communicate(timeout=120)
        os.close(ours)
        os.close(theirs)
        assert process.returncode == code, out + error
        assert "Adopt this schema? [y/N]" in out
        if code:
            assert "Not adopted; nothing was changed." in error
            assert query(unversioned, EVERYTHING) == before


def test_two_at_once_adopt_once(with_known_drift: Keywords) -> None:
    results = [finish(process) for process in [start(with_known_drift, *ADOPT) for _ in range(2)]]
    assert [code for code, _, _ in results] == [0, 0], results
    assert query(with_known_drift, "SELECT count(*) FROM alembic_migration_log WHERE action = 'adopt'") == [(1,)]


# Counts the statements that write, and kills the process before the given one.
_KILLER = """
import os, sys
import psycopg
limit, seen, execute = int(sys.argv.pop(1)), 0, psycopg.Cursor.execute
WRITES = ("ALTER", "CREATE", "INSERT", "UPDATE", "DELETE", "DROP", "DO", "WITH kept", "WITH was")
def counting(self, query, *arguments, **options):
    global seen
    text = query if isinstance(query, str) else query.as_string(self) if hasattr(query, "as_string") else str(query)
    if text.strip().startswith(WRITES):
        seen += 1
        if seen == limit:
            os._exit(9)
    return execute(self, query, *arguments, **options)
psycopg.Cursor.execute = counting
sys.argv[0] = "manage.py"
import os as _
_.environ.setdefault("DJANGO_SETTINGS_MODULE", "ncfd_site.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""


def _versions(keywords: Keywords) -> Iterator[str]:
    if query(keywords, "SELECT to_regclass('alembic_version')") == [(None,)]:
        return
    yield from (row[0] for row in query(keywords, "SELECT version_num FROM alembic_version"))


def kill_before_each_write(keywords: Keywords, limits: Iterable[int]) -> int:
    """Kill an adoption before each of some writes, adopt again, and return the number of kills."""
    killed = 0
    for limit in limits:
        databases.clone(keywords, "template1", keywords["dbname"])
        states.head_out_of_band(keywords)
        states.execute(keywords, f"INSERT INTO alembic_version VALUES ('{ROOT_REVISION}')")
        rows = states.rows(keywords)
        code, out, error = finish(start(keywords, str(limit), "migrate_alembic", *ADOPT, command=("-c", _KILLER)))
        assert code in (0, 9), out + error
        assert list(_versions(keywords)), f"the version table is empty before write {limit}"
        if code == 9:
            killed += 1
            adopt(keywords)
        assert list(_versions(keywords)) == [revisions.head()]
        assert states.kept(rows, states.rows(keywords)) == [], f"killed before write {limit}"
        assert differences(keywords, "catalog-head.json") == []
        if code == 0:
            break
    return killed


@pytest.mark.parametrize("write", [1, 8, 32])
def test_an_adoption_that_is_killed_converges(empty_database: Keywords, write: int) -> None:
    assert kill_before_each_write(empty_database, [write]) == 1


@pytest.mark.soak
def test_an_adoption_that_is_killed_before_any_of_its_writes_converges(empty_database: Keywords) -> None:
    assert kill_before_each_write(empty_database, range(1, 1000)) > 50


def _make_invalid(keywords: Keywords, index: str) -> None:
    """Leave an index as a failed concurrent build does."""
    with psycopg.connect(**keywords) as connection:
        connection.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", [index])
