"""Each revision: over its own result, down and up again, as SQL to read, and frozen once released."""

import hashlib
import json
import re
import subprocess
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo

from ncfd_site.config.errors import ExitCode
from ncfd_site.postgres.embedded import programs
from ncfd_site.schema import catalog, source
from ncfd_site.schema.deploy import bookkeeping, compare, expected, inspection, revisions, session, spelling
from ncfd_site.schema.deploy.report import MigrationError, Progress, RunResult
from tests import databases
from tests.databases import Keywords
from tests.migration.running import call, query, run
from tests.migration.test_contract import CONTRACT_HEAD, PROJECT, ROOT_REVISION, differences
from tests.sql import Database, insert, make_link_audits, make_trial

REVISIONS = revisions.ids()


def catalog_of(keywords: Keywords) -> catalog.Catalog:
    with session.connect(keywords) as connection:
        return catalog.read_definitions(connection)


@pytest.fixture(scope="module")
def catalogs(server: Keywords, worker: str) -> dict[str, catalog.Catalog]:
    """The catalog of each revision on this server."""
    keywords = {**server, "dbname": f"ncfd_catalogs_{worker}"}
    databases.clone(server, "template1", keywords["dbname"])
    made: dict[str, catalog.Catalog] = {}
    for revision in REVISIONS:
        databases.migrate(keywords, revision)
        made[revision] = catalog_of(keywords)
    databases.execute(server, "DROP DATABASE {} WITH (FORCE)", keywords["dbname"])
    return made


def test_every_server_produces_the_expected_catalogs(catalogs: dict[str, catalog.Catalog]) -> None:
    for revision, made in catalogs.items():
        wanted = expected.read_catalog(revision)
        # Servers print a view in different ways.
        assert compare.find_differences(spelling.respell(made, [wanted]), wanted) == []


@pytest.mark.parametrize("revision", REVISIONS)
def test_up_down_and_up_again_is_the_same_schema(
    empty_database: Keywords, catalogs: dict[str, catalog.Catalog], revision: str
) -> None:
    below = REVISIONS[REVISIONS.index(revision) - 1] if revision != REVISIONS[0] else "base"
    if below != "base":
        databases.become(empty_database, below)
    assert run(empty_database, revision).verified
    run(empty_database, below)
    assert catalog_of(empty_database) == catalogs.get(below, {})
    assert run(empty_database, revision).verified
    assert catalog_of(empty_database) == catalogs[revision]


def test_a_comment_of_a_user_is_kept(empty_database: Keywords) -> None:
    databases.become(empty_database, "20261127_add_trial_current_scores")
    table = "'document_entities'::regclass"
    read = f"SELECT obj_description({table}), col_description({table}, 1) IS NULL"
    with psycopg.connect(**empty_database) as connection:
        connection.execute("COMMENT ON TABLE document_entities IS 'Ours.'")
    databases.migrate(empty_database, "20261128_add_comments")
    assert query(empty_database, read) == [("Ours.", False)]
    databases.migrate(empty_database, "20261127_add_trial_current_scores")
    assert query(empty_database, read) == [("Ours.", True)]


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_revision_over_its_own_result_changes_nothing(
    empty_database: Keywords, catalogs: dict[str, catalog.Catalog], revision: str
) -> None:
    databases.become(empty_database, revision)
    with psycopg.connect(**empty_database) as connection:
        if revision == REVISIONS[0]:
            connection.execute("DELETE FROM alembic_version")
        else:
            connection.execute(
                "UPDATE alembic_version SET version_num = %s", [REVISIONS[REVISIONS.index(revision) - 1]]
            )
    databases.migrate(empty_database, revision)
    assert catalog_of(empty_database) == catalogs[revision]
    assert query(empty_database, "SELECT count(*) FROM exchanges") == [(5,)]


def label_without_record(db: Database) -> None:
    """A label from before decisions were recorded: the record would be lost with an earlier downgrade."""
    db.execute("ALTER TABLE link_audit DISABLE TRIGGER USER")
    make_link_audits(db, "HP-1", [True])
    db.execute("ALTER TABLE link_audit ENABLE TRIGGER USER")


PROMOTION = {"heuristic": "HP-1", "promoted_by": "olga", "reason": "good", "precision_counts": {}}
# These revisions add columns to tables of others.
COLUMNS_ONLY = ("20250123_add_link_audit_fields", "20261201_add_evidence_and_corrections")


def make_proven_promotion(db: Any) -> None:
    """Create a promotion that no override had to allow."""
    sample = {"heuristic": "HP-1", "population": 400, "size": 100, "second_share": 0, "seed": 1, "drawn_by": "olga"}
    passed = {"size": 100, "error_count": 0, "alpha": 0.0125, "lower_bound": 0.957, "passed": True}
    insert(db, "interim_analyses", sample_id=insert(db, "review_samples", **sample), **passed)
    insert(db, "link_promotions", **PROMOTION)


LOSSES = {
    "20261130_add_job_schedules": (
        "job_schedules",
        lambda db: insert(db, "job_schedules", name="nightly", kind="count", cron="0 3 * * *", changed_by="olga"),
    ),
    "20261127_add_trial_current_scores": (
        "signal_evaluations",
        lambda db: insert(
            db,
            "signal_evaluations",
            trial_id=make_trial(db),
            s_id="S1",
            outcome="not fired",
            reason="r",
            evaluated_by="e",
        ),
    ),
    "20261201_add_evidence_and_corrections": (
        "link_promotions",
        lambda db: insert(db, "link_promotions", **PROMOTION, override_reason="a backfill"),
    ),
    "20261127_add_link_promotions": ("link_promotions", make_proven_promotion),
    "20261127_add_link_reviews": (
        "review_samples",
        lambda db: db.execute(
            "INSERT INTO review_samples (heuristic, population, size, second_share, seed, drawn_by)"
            " VALUES ('HP-1', 1, 1, 0, 1, 'olga')"
        ),
    ),
    "20261127_add_site_jobs": ("site_jobs", lambda db: insert(db, "site_jobs", kind="count", requested_by="olga")),
    "20261127_add_storage_tombstones": (
        "storage_tombstones",
        lambda db: db.execute(
            "SELECT tombstone_storage_uris(ARRAY['local://' || repeat('a', 64)], '1 day', 'expected', 'olga')"
        ),
    ),
    "20261122_derive_counts_from_references": (
        "storage_events",
        lambda db: insert(db, "storage_events", action="count_corrected"),
    ),
    "20250124_signals_gates_scores": (
        "signals",
        lambda db: insert(db, "signals", trial_id=make_trial(db), S_id="S1", severity="H"),
    ),
    "20250123_add_link_audit_fields": ("link_audit", label_without_record),
    "20250122_add_storage_refcounting": (
        "storage_references",
        lambda db: db.execute("SELECT increment_storage_refcount(repeat('a', 64), 'local', 'document', 1)"),
    ),
    "20250122_fix_pivotal_study_card_trigger": (
        "staging_errors",
        lambda db: insert(db, "staging_errors", error_type="parse", error_message="kept"),
    ),
    "20250121_create_studies_table_and_guardrails": ("trials", make_trial),
}


@pytest.mark.parametrize(("revision", "loss"), LOSSES.items(), ids=LOSSES)
def test_a_downgrade_that_would_destroy_rows_refuses_until_it_is_allowed_by_name(
    head_database: Keywords, revision: str, loss: tuple[str, Any]
) -> None:
    table, write = loss
    below = REVISIONS[REVISIONS.index(revision) - 1] if revision != REVISIONS[0] else "base"
    with psycopg.connect(**head_database) as connection:
        write(connection)

    with pytest.raises(
        MigrationError, match=f"the downgrade of {revision} would destroy rows of .*{table} \\(1\\)"
    ) as refusal:
        run(head_database, below, allow_destructive=["20250125_replace_faulty_routines"])

    assert refusal.value.exit_code is ExitCode.CONSENT_NEEDED
    assert f"--allow-destructive {revision}" in str(refusal.value)
    assert query(head_database, f"SELECT count(*) FROM {table}") == [(1,)]
    run(head_database, below, allow_destructive=[revision])
    assert query(head_database, f"SELECT to_regclass('{table}') IS NULL") == [(revision not in COLUMNS_ONLY,)]


def test_a_downgrade_of_several_revisions_refuses_before_the_first(head_database: Keywords) -> None:
    with psycopg.connect(**head_database) as connection:
        make_trial(connection)
        insert(connection, "site_jobs", kind="count", requested_by="olga")
    code, _, error = call(head_database, "base", "--allow-destructive", REVISIONS[0])
    assert (code, error.splitlines()[:2]) == (
        ExitCode.CONSENT_NEEDED,
        [
            "CommandError: Refused; nothing was changed:",
            "  the downgrade of 20261127_add_site_jobs would destroy rows of site_jobs (1)",
        ],
    )
    assert query(head_database, "SELECT version_num FROM alembic_version") == [(REVISIONS[-1],)]


def test_initial_rows_are_no_loss(head_database: Keywords) -> None:
    run(head_database, "base")
    left = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
    assert query(head_database, left) == [("alembic_migration_log",), ("alembic_version",)]


def test_printed_sql_creates_the_same_schema(empty_database: Keywords, catalogs: dict[str, catalog.Catalog]) -> None:
    printed = inspection.render_sql(empty_database, "head", Progress(print, 0, RunResult(database="test")))
    psql = subprocess.run(
        [programs.find_program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", make_conninfo(**empty_database)],
        input=printed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert psql.returncode == 0, psql.stderr
    assert catalog_of(empty_database) == catalogs[REVISIONS[-1]]
    assert query(empty_database, "SELECT version_num FROM alembic_version") == [(REVISIONS[-1],)]
    assert differences(empty_database, "catalog-head.json") == []


def test_printed_sql_of_a_downgrade_refuses_loss_too(head_database: Keywords) -> None:
    with psycopg.connect(**head_database) as connection:
        make_trial(connection)
    printed = inspection.render_sql(head_database, "base", Progress(print, 0, RunResult(database="test")))
    psql = subprocess.run(
        [programs.find_program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", make_conninfo(**head_database)],
        input=printed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "would destroy rows of trials (1)" in psql.stderr
    assert query(head_database, "SELECT count(*) FROM trials") == [(1,)]


def test_ids_and_files_are_those_of_the_contract() -> None:
    found = [(revision.path.name, revision.id) for revision in revisions.load_revisions()]
    assert found[:8] == [
        ("20250121_create_studies_table_and_guardrails.py", ROOT_REVISION),
        ("20250122_fix_pivotal_study_card_trigger.py", "20250122_fix_pivotal_study_card_trigger"),
        ("20250122_add_storage_reference_counting.py", "20250122_add_storage_refcounting"),
        ("20250123_add_p_value_generated_column.py", "20250123_add_p_value_column"),
        ("20250123_add_storage_objects_and_references.py", "20250123_add_storage_objects_and_references"),
        ("20250123_add_link_audit_fields.py", "20250123_add_link_audit_fields"),
        ("20250124_create_signals_gates_scores_tables.py", "20250124_signals_gates_scores"),
        ("20250124_add_resolver_system_and_company_securities.py", CONTRACT_HEAD),
    ]
    assert all(len(revision.id) <= bookkeeping.WIDTH for revision in revisions.load_revisions())


def test_no_revision_refers_to_a_table_of_django() -> None:
    for revision in revisions.load_revisions():
        for direction in ("up", "down"):
            assert not re.search(r"\b(auth|axes|django)_\w+", source.read_sql(revision.path, direction))


def test_changes_of_existing_tables_are_online() -> None:
    """After the root, indexes on older tables are built concurrently, and constraints are added NOT VALID."""
    for revision in revisions.load_revisions()[1:]:
        statements = [
            source.strip_comments(each) for each in source.split_statements(source.read_sql(revision.path, "up"))
        ]
        made = {
            match[1] for each in statements for match in re.finditer(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)", each)
        }
        plain = (re.match(r"CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY).* ON (\w+)", each) for each in statements)
        assert {match[1] for match in plain if match} <= made
        for each in statements:
            for ensured in re.finditer(r"ensure_constraint\((\S+), '[cf]',.*?\);", each):
                assert "NOT VALID" in ensured[0], ensured[0]


def test_a_released_revision_is_frozen() -> None:
    """`schema/released.json` holds the checksums of released files."""
    released = json.loads((revisions.SCHEMA_FOLDER / "released.json").read_text())
    now = {
        f"{revision.id} {direction}": source.compute_checksum(revision.path, direction)
        for revision in revisions.load_revisions()
        for direction in ("up", "down")
    }
    assert {name: now.get(name) for name in released} == released
    changelog = (PROJECT / "CHANGELOG.md").read_text()
    if re.search(r"^## \d\S* \((?!unreleased)", changelog, re.MULTILINE):
        assert released, "a version is out: write the checksums of its revisions to schema/released.json"


@given(
    st.lists(
        st.sampled_from(
            [
                "SELECT ';'",
                'SELECT "a;b"',
                "DO $x$ BEGIN; END $x$",
                "SELECT 1 -- no; end\n",
                "/* ; */ SELECT 2",
                "SELECT 'it''s;'",
            ]
        )
    )
)
def test_scripts_are_split_into_statements(parts: list[str]) -> None:
    assert list(source.split_statements(";\n".join(parts) + ";")) == [part.strip() for part in parts]


def test_included_definitions_are_part_of_the_checksum() -> None:
    path = next(one.path for one in revisions.load_revisions() if one.id == "20261122_derive_counts_from_references")
    assert "increment_storage_refcount" in source.read_sql(path, "up")
    content = path.read_text() + source.read_sql(path, "up")
    assert source.compute_checksum(path, "up") == hashlib.sha256(content.encode()).hexdigest()
