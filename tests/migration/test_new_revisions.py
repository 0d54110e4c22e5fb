"""Future revisions: slow, failing, destructive, on two branches, or edited after their release."""

import json
from pathlib import Path

import psycopg
import pytest

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema import source
from ncfd_site.schema.deploy import revisions
from tests.databases import Keywords
from tests.migration import copies, states
from tests.migration.running import call, finish, query, run, start
from tests.migration.test_live_states import EVERYTHING
from tests.sql import make_trial

VERSION = "SELECT version_num FROM alembic_version"


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    return copies.copy(tmp_path)


def test_eight_at_once_build_an_index_concurrently_without_a_deadlock(empty_database: Keywords, schema: Path) -> None:
    copies.add_revision(schema, "20990101_index", "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_new ON trials (status);")
    results = [
        finish(process)
        for process in [start(empty_database, str(schema), command=("-c", copies.COMMAND)) for _ in range(8)]
    ]
    assert [code for code, _, _ in results] == [0] * 8, results
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_new'::regclass"
    assert query(empty_database, valid) == [(True,)]
    ran = "SELECT count(*) FROM alembic_migration_log WHERE revision = '20990101_index' AND action = 'up'"
    assert query(empty_database, ran) == [(1,)]


def test_a_unique_index_over_duplicates_is_rebuilt_after_their_deletion(head_database: Keywords, schema: Path) -> None:
    copies.add_revision(
        schema,
        "20990101_unique",
        "ALTER TABLE trials ADD COLUMN IF NOT EXISTS registered_by text;\n"
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS uq_new ON trials (sponsor_text);",
    )
    states.execute(head_database, *(_trial(number, "Acme") for number in (1, 2)))
    code, _, error = call(head_database, schema=schema)
    assert code == ExitCode.PARTIAL
    assert "Index uq_new is invalid; no query uses it." in error
    assert "Key (sponsor_text)=(Acme) is duplicated." in error
    assert "run migrate_alembic again: it repeats the revision and rebuilds the index" in error
    assert query(head_database, VERSION) == [(revisions.head(),)]
    # The transaction of the revision is committed; its index is invalid and does not block the next run.
    assert query(head_database, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'uq_new'::regclass") == [(False,)]
    assert call(head_database, "--plan", schema=schema)[0] == ExitCode.DONE

    states.execute(head_database, "UPDATE trials SET sponsor_text = 'Other' WHERE nct_id = 'NCT2'")
    code, _, error = call(head_database, schema=schema)
    assert (code, error) == (0, "")
    assert query(head_database, VERSION) == [("20990101_unique",)]
    assert query(head_database, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'uq_new'::regclass") == [(True,)]
    outcomes = "SELECT outcome FROM alembic_migration_log WHERE revision = '20990101_unique' AND action = 'up'"
    assert query(head_database, f"{outcomes} ORDER BY log_id") == [("failed",), ("done",)]


def test_a_failed_third_of_five_is_rolled_back_and_the_next_run_resumes_there(
    head_database: Keywords, schema: Path
) -> None:
    files = [
        copies.add_revision(
            schema,
            f"20990101_{number}",
            f"CREATE TABLE new_{number} (id integer);" + ("SELECT 1 / 0;" if number == 3 else ""),
            after=f"20990101_{number - 1}" if number > 1 else "",
        )
        for number in range(1, 6)
    ]
    code, out, error = call(head_database, schema=schema)
    assert code == ExitCode.FAILED
    assert out.count("Applied 20990101_") == 2
    assert "revision 20990101_3 failed and was rolled back" in error
    assert "division by zero" in error
    assert query(head_database, VERSION) == [("20990101_2",)]
    assert query(head_database, "SELECT to_regclass('new_2') IS NULL, to_regclass('new_3') IS NULL") == [(False, True)]

    files[2].write_text("CREATE TABLE new_3 (id integer);")
    assert call(head_database, schema=schema)[0] == 0
    assert query(head_database, VERSION) == [("20990101_5",)]


DROPS = {
    "a table": ("DROP TABLE trial_versions CASCADE", "table trial_versions"),
    "a column": ("ALTER TABLE trials DROP COLUMN sponsor_text", "column trials.sponsor_text"),
}


@pytest.mark.parametrize(("drop", "words"), DROPS.values(), ids=DROPS)
def test_an_upgrade_that_drops_data_needs_consent_by_name(
    head_database: Keywords, schema: Path, drop: str, words: str
) -> None:
    copies.add_revision(schema, "20990101_drop", f"{drop};")
    states.execute(
        head_database,
        _trial(1, "Acme"),
        "INSERT INTO trial_versions (trial_id, captured_at, sha256, raw_jsonb) VALUES (1, now(), 'x', '{}')",
    )
    for flags in ((), ("--noinput",), ("--allow-destructive", revisions.head())):
        code, _, error = call(head_database, *flags, schema=schema)
        assert code == ExitCode.CONSENT_NEEDED
        assert f"would drop {words}" in error
        assert "--allow-destructive 20990101_drop" in error
    kept = "SELECT (SELECT count(*) FROM trial_versions), (SELECT sponsor_text FROM trials)"
    assert query(head_database, kept) == [(1, "Acme")]
    assert query(head_database, VERSION) == [(revisions.head(),)]

    code, _, error = call(head_database, "--allow-destructive", "20990101_drop", schema=schema)
    assert query(head_database, VERSION) == [("20990101_drop",)]
    # The verification fails: the models read what was dropped.
    assert (code, "of trial" in error) == (ExitCode.FINDINGS, True)


def test_dropping_empty_or_derived_objects_is_no_loss(head_database: Keywords, schema: Path) -> None:
    copies.add_revision(
        schema,
        "20990101_drop",
        "DROP TABLE document_notes; ALTER TABLE studies DROP COLUMN p_value;",
    )
    with psycopg.connect(**head_database) as connection:
        make_trial(connection)
    call(head_database, schema=schema)
    assert query(head_database, VERSION) == [("20990101_drop",)]


@pytest.mark.parametrize("arguments", [["--check"], ["--plan"], []], ids=["check", "plan", "run"])
def test_two_heads_are_refused_first(empty_database: Keywords, schema: Path, arguments: list[str]) -> None:
    for name in ("20990101_one", "20990101_other"):
        copies.add_revision(schema, name, "SELECT 1;")
    before = query(empty_database, EVERYTHING)
    code, _, error = call(empty_database, *arguments, schema=schema)
    assert code == ExitCode.USAGE
    assert f"20990101_other and 20990101_one both follow {revisions.head()}" in error
    assert "Traceback" not in error
    assert query(empty_database, EVERYTHING) == before


@pytest.mark.parametrize("arguments", [["--check"], []], ids=["check", "run"])
def test_a_released_file_that_was_edited_is_refused_and_named(
    head_database: Keywords, schema: Path, arguments: list[str]
) -> None:
    released = {
        f"{revision.id} up": source.compute_checksum(schema / "versions" / revision.path.name, "up")
        for revision in revisions.load_revisions()
    }
    (schema / "released.json").write_text(json.dumps(released))
    edited = schema / "versions" / "20250123_add_link_audit_fields.up.sql"
    edited.write_text(edited.read_text() + "\nSELECT 'one thing more';\n")
    before = query(head_database, EVERYTHING)
    code, _, error = call(head_database, *arguments, schema=schema)
    assert code == ExitCode.USAGE
    assert "20250123_add_link_audit_fields up was edited" in error
    assert query(head_database, EVERYTHING) == before


def test_a_changed_file_is_reported(head_database: Keywords, schema: Path) -> None:
    edited = schema / "versions" / "20250123_add_link_audit_fields.up.sql"
    edited.write_text(edited.read_text() + "\nSELECT 'one thing more';\n")
    copies.add_revision(schema, "20990101_new", "SELECT 1;")
    for arguments in (("--plan",), ("--history",), ()):
        code, out, _ = call(head_database, *arguments, schema=schema)
        assert code == 0
        assert "the file of 20250123_add_link_audit_fields changed since it was applied" in out


def test_code_older_than_the_database_is_refused(head_database: Keywords, schema: Path) -> None:
    copies.add_revision(schema, "20990101_newer", "CREATE TABLE newer (id integer);", "DROP TABLE newer;")
    assert call(head_database, schema=schema)[0] == 0
    for arguments in ((), ("--adopt", "auto", "--noinput")):
        code, _, error = call(head_database, *arguments)
        assert code == ExitCode.REFUSED
        assert "20990101_newer, which newer code applied" in error
        assert f"run with the newer code: manage.py migrate_alembic {revisions.head()}" in error
    assert call(head_database, revisions.head(), schema=schema)[0] == 0
    assert run(head_database).applied == []


def test_a_large_rewrite_needs_consent_by_name_of_the_table(empty_database: Keywords) -> None:
    states.at_head(empty_database)
    before = query(empty_database, EVERYTHING)
    flags = ("--row-limit", "1", "--noinput")
    code, _, error = call(empty_database, *flags)
    assert code == ExitCode.CONSENT_NEEDED
    assert "rewrites studies (2 rows" in error
    assert "consent by name: --allow-rewrite studies" in error
    assert query(empty_database, EVERYTHING) == before
    code, out, _ = call(empty_database, "--plan")
    assert (code, "rewrites studies (2 rows" in out) == (0, True)
    assert call(empty_database, *flags, "--allow-rewrite", "studies")[0] == 0


def _trial(number: int, sponsor: str) -> str:
    return (
        "INSERT INTO trials (nct_id, sponsor_text, is_pivotal, last_seen_at)"
        f" VALUES ('NCT{number}', '{sponsor}', true, now())"
    )
