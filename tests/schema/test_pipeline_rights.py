"""A pipeline's role writes the contract's tables and nothing else, even through triggers."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

import psycopg
import pytest

from ncfd_site.schema import source
from ncfd_site.schema.deploy.access import ROWS, WRITES
from tests.migration.test_contract import CONTRACT
from tests.sql import Database, make_link_audits, one, refused

CONTRACT_TABLES = [
    name
    for name, relation in json.loads((CONTRACT / "catalog-head.json").read_text())["relations"].items()
    if relation["kind"] == "table" and name != "alembic_version"
]


@pytest.fixture
def db(db: Database) -> Database:
    """A database with a role `pipeline` that has the grants of live pipelines; what the test writes is rolled back."""
    db.execute(
        "CREATE ROLE pipeline; GRANT USAGE ON SCHEMA public TO pipeline;"
        " GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO pipeline;"
        f" GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(CONTRACT_TABLES)} TO pipeline"
    )
    return db


@contextmanager
def pipeline(db: Database) -> Iterator[Database]:
    """Log in as the pipeline."""
    db.execute("SET SESSION AUTHORIZATION pipeline")
    yield db
    db.execute("RESET SESSION AUTHORIZATION")


@pytest.fixture
def rows(db: Database) -> Database:
    """Rows that the write statements change."""
    for row in ROWS:
        db.execute(row)
    return db


@pytest.mark.parametrize("write", WRITES)
def test_pipeline_writes_the_tables_of_the_contract(rows: Database, write: str) -> None:
    with pipeline(rows):
        assert rows.execute(write).rowcount == 1


def test_writer_of_one_table_needs_no_right_on_the_tables_of_its_triggers(rows: Database) -> None:
    rows.execute(
        "SELECT increment_storage_refcount(repeat('0', 64), 'local', 'document', -1);"
        "CREATE ROLE ingest; GRANT SELECT, DELETE ON documents TO ingest; SET SESSION AUTHORIZATION ingest"
    )
    rows.execute("DELETE FROM documents WHERE doc_id = -1")
    rows.execute("RESET SESSION AUTHORIZATION")
    assert one(rows.execute("SELECT refcount FROM storage_objects WHERE object_id = -1")) == (0,)


# Decisions of reviewers


@pytest.fixture
def link(db: Database) -> Database:
    make_link_audits(db, "HP-1", [None])
    return db


RECORDED = "SELECT decision, reviewer, mode, recorded_by FROM link_reviews"


@pytest.mark.parametrize("mode", ["queue", "adjudication", "page", "bulk", "load", "existing"])
def test_label_of_a_pipeline_is_recorded_as_its_sql_in_every_mode(link: Database, mode: str) -> None:
    with pipeline(link):
        link.execute("SELECT set_config('ncfd.review_mode', %s, true)", [mode])
        link.execute("UPDATE link_audit SET label = true, label_source = 'human_review', reviewed_by = 'rita'")
        make_link_audits(link, "HP-2", [False], reviewed_by="adam")
    assert link.execute(f"{RECORDED} ORDER BY review_id").fetchall() == [
        ("right", "rita", "sql", "pipeline"),
        ("wrong", "adam", "sql", "pipeline"),
    ]


def test_pipeline_cannot_hide_a_label_from_the_record(link: Database) -> None:
    with pipeline(link):
        link.execute("SELECT set_config('ncfd.applying_reviews', 'on', true)")
        link.execute("UPDATE link_audit SET label = true, reviewed_by = 'rita'")
    assert one(link.execute(RECORDED)) == ("right", "rita", "sql", "pipeline")


@pytest.mark.parametrize(
    "statement",
    [
        (
            "INSERT INTO link_reviews (audit_id, doc_id, asset_id, decision, reviewer, mode)"
            " SELECT audit_id, 1, 1, 'right', 'rita', 'queue' FROM link_audit"
        ),
        "SELECT record_link_review((SELECT audit_id FROM link_audit), 'right', 'rita', 'queue')",
        "SELECT apply_link_reviews((SELECT audit_id FROM link_audit), '{}', true)",
        "DELETE FROM link_disagreements",
        "UPDATE review_slots SET state = 'done'",
        "UPDATE trial_current_scores SET p_fail = 0",
        "SELECT refresh_trial_current_scores('{1}')",
        "DELETE FROM storage_tombstones",
        "INSERT INTO storage_events (action) VALUES ('moved')",
        "ALTER TABLE link_audit DISABLE TRIGGER trg_link_audit_label_updated",
        "DROP TRIGGER trg_link_audit_label_updated ON link_audit",
        "CREATE TRIGGER mine BEFORE UPDATE ON link_audit FOR EACH ROW EXECUTE FUNCTION forbid_record_change()",
        "CREATE RULE mine AS ON UPDATE TO link_audit DO INSTEAD NOTHING",
        "SET session_replication_role = replica",
        "CREATE OR REPLACE FUNCTION record_changed_link_label() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "ALTER FUNCTION record_changed_link_label() RESET ALL",
    ],
)
def test_pipeline_is_refused(link: Database, statement: str) -> None:
    with pipeline(link), refused(link, psycopg.errors.InsufficientPrivilege):
        link.execute(statement)


# Functions that run with the rights of their owner

DEFINERS = (
    "SELECT oid::regproc::text, prorettype::regtype::text, proconfig, has_function_privilege('public', oid, 'EXECUTE'),"
    " proowner = (SELECT relowner FROM pg_class"
    " WHERE oid = 'trials'::regclass) FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
)


def test_functions_with_their_owners_rights_are_closed_or_of_triggers_with_a_path_that_ends_in_pg_temp(
    db: Database,
) -> None:
    paths = (["search_path=pg_catalog, pg_temp"], ["search_path=pg_catalog, public, pg_temp"])
    found = db.execute(DEFINERS).fetchall()
    assert len(found) == 19
    assert [
        name
        for name, result, path, is_public, is_owner in found
        if (result != "trigger" and is_public) or path not in paths or not is_owner
    ] == []


def test_pipeline_cannot_attach_them_to_a_table_of_its_own(db: Database) -> None:
    functions = [name for name, *_ in db.execute(DEFINERS).fetchall()]
    with pipeline(db):
        db.execute("CREATE TEMPORARY TABLE mine (LIKE storage_objects)")
        for function in functions:
            with refused(db, psycopg.errors.InsufficientPrivilege, f"permission denied for function {function}"):
                db.execute(f"CREATE TRIGGER mine AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION {function}()")


def test_default_privileges_do_not_let_a_role_execute_them(db: Database) -> None:
    db.execute("ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO pipeline")
    for statement in (
        *source.split_statements(source.read_helpers()),
        "DROP FUNCTION sync_document_uris() CASCADE",
        *source.split_statements((source.HELPERS.parent / "storage_garbage_collection.1.sql").read_text()),
    ):
        db.execute(statement)
    assert one(db.execute("SELECT has_function_privilege('pipeline', 'sync_document_uris()', 'EXECUTE')")) == (False,)


def test_temporary_tables_do_not_shadow_theirs(rows: Database) -> None:
    shadowed = [
        *("trials", "scores", "trial_current_scores", "link_reviews", "link_disagreements", "review_slots"),
        *("storage_objects", "storage_references", "storage_tombstones", "staging_errors", "documents"),
    ]
    with pipeline(rows):
        for table in shadowed:
            rows.execute(f"CREATE TEMPORARY TABLE {table} (poison integer)")
        # The functions of the contract run with the rights of their caller.
        for write in [write for write in WRITES if not write.startswith("SELECT ")]:
            with rows.transaction(force_rollback=True):
                assert rows.execute(write).rowcount == 1
        rows.execute("UPDATE public.link_audit SET label = true")
    assert one(rows.execute("SELECT count(*) FROM public.link_reviews")) == (1,)


TYPES = ("varchar", "text", "text[]", "jsonb", "bigint", "integer", "timestamptz", "interval", "bigint[]", "integer[]")
OPERATORS = ("=", "<>", "<", ">", "<=", ">=", "~", "!~", "->", "->>", "#>", "#>>", "||", "+", "-")
FUNCTIONS = (
    "format", "array_append", "array_to_string", "cardinality", "jsonb_typeof", "count", "max", "array_agg", "unnest",
    "hashtextextended", "heuristic_lock_key", "pg_advisory_xact_lock_shared", "set_config", "current_setting",
    "review_mode", "refresh_trial_current_scores", "clock_timestamp", "nullif", "has_table_privilege",
)  # fmt: skip


def test_operators_and_functions_of_others_in_public_are_not_called_with_the_owners_rights(rows: Database) -> None:
    """Live databases may let everyone create objects in public, where an exact match of arguments is preferred."""
    rows.execute("GRANT CREATE, USAGE ON SCHEMA public TO pipeline")
    with pipeline(rows):
        for left, right in product(TYPES, TYPES):
            rows.execute(
                f"CREATE FUNCTION public.capture(x {left}, y {right}) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN"
                " IF current_user <> 'pipeline' THEN RAISE 'captured'; END IF; RETURN true; END $$"
            )
            for operator in OPERATORS:
                rows.execute(
                    f"CREATE OPERATOR public.{operator} (leftarg = {left}, rightarg = {right}, function = capture)"
                )
        signatures = [*((one,) for one in TYPES), *product(TYPES, TYPES), ("text", "text", "boolean")]
        for function, arguments in product(FUNCTIONS, signatures):
            with rows.transaction():
                rows.execute(
                    f"DO $do$ BEGIN CREATE FUNCTION public.{function}({', '.join(arguments)}) RETURNS text"
                    " LANGUAGE plpgsql AS $$ BEGIN IF current_user <> 'pipeline' THEN RAISE 'captured'; END IF;"
                    " RETURN ''; END $$;"
                    " EXCEPTION WHEN duplicate_function OR insufficient_privilege THEN NULL; END $do$"
                )
        for write in WRITES:
            with rows.transaction(force_rollback=True):
                rows.execute(write)
