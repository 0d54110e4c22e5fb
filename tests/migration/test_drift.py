"""The drift report lists the differences from the revision, and nothing else."""

import json
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from ncfd_site.config.errors import ExitCode
from ncfd_site.postgres.embedded import programs
from ncfd_site.postgres.embedded import server as embedded_server
from ncfd_site.schema import source
from ncfd_site.schema.deploy import inspection
from ncfd_site.schema.deploy.report import MigrationError, Progress, RunResult
from tests import databases
from tests.databases import Keywords
from tests.migration import states
from tests.migration.running import call, query, run
from tests.migration.test_contract import CONTRACT_HEAD, ROOT_REVISION
from tests.migration.test_runs import REVISIONS
from tests.postgres import started_server

# Changes to the schema, and the words of the report.
MUTATIONS: dict[str, tuple[str, str]] = {
    "column dropped": ("ALTER TABLE trials DROP indication", "missing: column trials.indication"),
    "column added that writers must fill": (
        "ALTER TABLE trials ADD color text NOT NULL",
        "extra: column trials.color",
    ),
    "column renamed": ("ALTER TABLE trials RENAME phase TO stage", "missing: column trials.phase"),
    "column type": ("ALTER TABLE trials ALTER phase TYPE text", "differs: column trials.phase"),
    "column length": ("ALTER TABLE signals ALTER severity TYPE varchar(2)", "differs: column signals.severity"),
    "column precision": ("ALTER TABLE gates ALTER lr_used TYPE numeric(12,6)", "differs: column gates.lr_used"),
    "column collation": ('ALTER TABLE assets ALTER target TYPE text COLLATE "C"', "differs: column assets.target"),
    "not null dropped": ("ALTER TABLE trials ALTER is_pivotal DROP NOT NULL", "differs: column trials.is_pivotal"),
    "not null added": ("ALTER TABLE trials ALTER status SET NOT NULL", "differs: column trials.status"),
    "default dropped": ("ALTER TABLE documents ALTER status DROP DEFAULT", "differs: column documents.status"),
    "default changed": ("ALTER TABLE documents ALTER status SET DEFAULT 'error'", "differs: column documents.status"),
    "generated dropped": ("ALTER TABLE studies ALTER p_value DROP EXPRESSION", "differs: column studies.p_value"),
    "generated changed": (
        (
            "ALTER TABLE studies DROP p_value;"
            " ALTER TABLE studies ADD p_value numeric GENERATED ALWAYS AS (1.0) STORED;"
            " CREATE INDEX ix_studies_p_value ON studies (p_value) WHERE p_value IS NOT NULL"
        ),
        "differs: column studies.p_value",
    ),
    "check dropped": (
        "ALTER TABLE storage_objects DROP CONSTRAINT ck_storage_objects_tier",
        "ALTER TABLE storage_objects ADD CONSTRAINT ck_storage_objects_tier CHECK",
    ),
    "check changed": (
        (
            "ALTER TABLE scores DROP CONSTRAINT ck_scores_p_fail_range;"
            " ALTER TABLE scores ADD CONSTRAINT ck_scores_p_fail_range CHECK (p_fail <= 2)"
        ),
        "differs: constraint scores.ck_scores_p_fail_range",
    ),
    "check not valid": (
        (
            "ALTER TABLE scores DROP CONSTRAINT ck_scores_p_fail_range; ALTER TABLE scores ADD CONSTRAINT"
            " ck_scores_p_fail_range CHECK (p_fail >= 0 AND p_fail <= 1) NOT VALID"
        ),
        "differs: constraint scores.ck_scores_p_fail_range",
    ),
    "foreign key dropped": ("ALTER TABLE gates DROP CONSTRAINT gates_trial_id_fkey", "gates.gates_trial_id_fkey"),
    "foreign key action": (
        (
            "ALTER TABLE gates DROP CONSTRAINT gates_trial_id_fkey;"
            " ALTER TABLE gates ADD CONSTRAINT gates_trial_id_fkey FOREIGN KEY (trial_id) REFERENCES trials(trial_id)"
        ),
        "differs: constraint gates.gates_trial_id_fkey",
    ),
    "unique dropped": (
        "ALTER TABLE trials DROP CONSTRAINT trials_nct_id_key",
        "constraint trials.trials_nct_id_key",
    ),
    "primary key": (
        "ALTER TABLE resolver_flags DROP CONSTRAINT resolver_flags_pkey",
        "resolver_flags_pkey",
    ),
    "index dropped": ("DROP INDEX ix_scores_run_id", "CREATE INDEX ix_scores_run_id ON public.scores"),
    "unique index added": ("CREATE UNIQUE INDEX mine ON scores (run_id, p_fail)", "extra: index mine"),
    "check added": ("ALTER TABLE scores ADD CONSTRAINT mine CHECK (p_fail > 0.1)", "extra: constraint scores.mine"),
    "overload added": (
        "CREATE FUNCTION can_auto_promote_heuristic(text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
        "extra: function can_auto_promote_heuristic(text)",
    ),
    "trigger added": (
        (
            "CREATE FUNCTION mine() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
            " CREATE TRIGGER mine BEFORE INSERT ON trials FOR EACH ROW EXECUTE FUNCTION mine()"
        ),
        "extra: trigger mine on trials",
    ),
    "index method": (
        "DROP INDEX ix_scores_run_id; CREATE INDEX ix_scores_run_id ON scores USING hash (run_id)",
        "differs: index ix_scores_run_id",
    ),
    "index predicate": (
        "DROP INDEX ix_studies_p_value; CREATE INDEX ix_studies_p_value ON studies (p_value)",
        "differs: index ix_studies_p_value",
    ),
    "index unique": (
        'DROP INDEX ix_gates_trial_g_id; CREATE INDEX ix_gates_trial_g_id ON gates (trial_id, "G_id")',
        "differs: index ix_gates_trial_g_id",
    ),
    "enum value": ("ALTER TYPE doc_status ADD VALUE 'archived'", "differs: enum doc_status"),
    "trigger dropped": (
        "DROP TRIGGER trg_enforce_pivotal_study_card ON studies",
        "missing: trigger trg_enforce",
    ),
    "trigger disabled": (
        "ALTER TABLE studies DISABLE TRIGGER ALL",
        "differs: trigger trg_enforce",
    ),
    "function body": (
        (
            "CREATE OR REPLACE FUNCTION can_auto_promote_heuristic("
            "p_heuristic text, p_min_precision numeric DEFAULT 0.95, p_min_links integer DEFAULT 50)"
            " RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true'"
        ),
        "differs: function can_auto_promote_heuristic",
    ),
    "view body": (
        (
            "CREATE OR REPLACE VIEW v_domain_aliases AS SELECT company_id, alias AS domain_root, 'alias'::text AS src"
            " FROM company_aliases"
        ),
        "differs: view v_domain_aliases",
    ),
    "sequence": ("ALTER SEQUENCE trials_trial_id_seq INCREMENT 10", "differs: sequence trials_trial_id_seq"),
    "sequence dropped": (
        (
            "INSERT INTO trials (nct_id, is_pivotal, last_seen_at) VALUES ('NCT1', true, now());"
            " DROP SEQUENCE trials_trial_id_seq CASCADE"
        ),
        "missing: sequence trials_trial_id_seq",
    ),
    "identity dropped": (
        "ALTER TABLE site_jobs ALTER job_id DROP IDENTITY",
        "missing: identity site_jobs.job_id: GENERATED ALWAYS",
    ),
    "exclusion dropped": (
        "ALTER TABLE securities DROP CONSTRAINT ex_no_overlap_ticker",
        "missing: constraint securities.ex_no_overlap_ticker",
    ),
    "column dropped that must be filled": (
        "ALTER TABLE trials DROP nct_id CASCADE",
        "missing: column trials.nct_id",
    ),
    "function dropped": (
        "DROP FUNCTION update_refcount() CASCADE",
        "missing: function update_refcount()",
    ),
    "result of a function": (
        (
            "DROP FUNCTION is_storage_uri_in_use(text);"
            " CREATE FUNCTION is_storage_uri_in_use(text) RETURNS integer LANGUAGE sql AS 'SELECT 1'"
        ),
        "differs: function is_storage_uri_in_use(text)",
    ),
    "view columns": (
        "DROP VIEW v_domain_aliases; CREATE VIEW v_domain_aliases AS SELECT 1 AS mine",
        "differs: view v_domain_aliases",
    ),
    "views dropped": ("DROP VIEW v_company_tickers, v_company_canonical", "missing: relation v_company_canonical"),
    "materialized view": (
        (
            "DROP MATERIALIZED VIEW v_active_us_securities;"
            " CREATE MATERIALIZED VIEW v_active_us_securities AS SELECT security_id FROM securities"
        ),
        "differs: view v_active_us_securities",
    ),
    "tables with an identity dropped": (
        "DROP TABLE link_promotion_items, link_promotions, site_jobs CASCADE",
        "missing: relation link_promotions",
    ),
    "unlogged": ("ALTER TABLE resolver_llm_logs SET UNLOGGED", "differs: relation resolver_llm_logs"),
    "table dropped": ("DROP TABLE merge_candidates", "missing: relation merge_candidates"),
}

# Additions that change nothing for our objects.
EXTRAS = {
    "column": ("ALTER TABLE trials ADD color text", "extra: column trials.color"),
    "column with a default": (
        "ALTER TABLE trials ADD color text NOT NULL DEFAULT 'red' UNIQUE",
        "extra: constraint trials.trials_color_key",
    ),
    "index": ("CREATE INDEX mine ON scores (run_id, p_fail)", "extra: index mine"),
    "table": ("CREATE TABLE mine (id serial PRIMARY KEY, n integer UNIQUE)", "extra: relation mine: table"),
    "view": ("CREATE VIEW mine AS SELECT * FROM trials", "extra: relation mine: view"),
    "function": ("CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'", "extra: function mine()"),
}


def drift(keywords: Keywords, *exclude: str) -> RunResult:
    result = RunResult(database="test")
    inspection.show_drift(keywords, Progress(lambda _: None, 0, result), exclude)
    return result


def repair(keywords: Keywords) -> None:
    script = inspection.render_repair_sql(keywords, Progress(lambda _: None, 0, RunResult(database="test")))
    with psycopg.connect(**keywords, autocommit=True) as connection:
        for statement in source.split_statements(script):
            connection.execute(statement.encode())


@pytest.mark.parametrize(("change", "words"), MUTATIONS.values(), ids=MUTATIONS)
def test_each_mutation_is_named_and_repaired(head_database: Keywords, change: str, words: str) -> None:
    with psycopg.connect(**head_database) as connection:
        connection.execute(change)
    with pytest.raises(MigrationError) as refusal:
        drift(head_database)
    assert refusal.value.exit_code is ExitCode.FINDINGS
    assert words in str(refusal.value)
    repair(head_database)
    assert drift(head_database).drift is not None


def test_a_repair_that_would_change_values_fails_and_changes_none(head_database: Keywords) -> None:
    states.execute(
        head_database,
        "ALTER TABLE gates ALTER lr_used TYPE numeric",
        'ALTER TABLE signals ALTER "S_id" TYPE text',
        "INSERT INTO trials (trial_id, nct_id, is_pivotal, last_seen_at) VALUES (1, 'NCT1', true, now())",
        """INSERT INTO gates (trial_id, "G_id", fired_bool, lr_used) VALUES (1, 'G1', true, 1.23456789)""",
    )
    with pytest.raises(psycopg.errors.RaiseException, match=r"gates\.lr_used has values that numeric\(10,6\) changes"):
        repair(head_database)
    assert query(head_database, "SELECT lr_used::text FROM gates") == [("1.23456789",)]


@pytest.mark.parametrize(("change", "words"), EXTRAS.values(), ids=EXTRAS)
def test_extra_objects_are_named_and_are_no_drift(head_database: Keywords, change: str, words: str) -> None:
    states.execute(head_database, change)
    code, out, _ = call(head_database, "--drift")
    assert code == 0
    assert f"  {words}" in out
    assert re.search(r"^No drift: .*; \d extra objects? left alone\.$", out, re.MULTILINE)


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_database_of_this_project_has_no_drift(empty_database: Keywords, revision: str) -> None:
    databases.become(empty_database, revision)
    found = drift(empty_database).drift
    assert found is not None
    assert (found["drift"], found["outdated"], found["partial"]) == ([], [], None)


@pytest.fixture(scope="module")
def sixteen() -> Iterator[Keywords]:
    """A server of PostgreSQL 16, from the package of the embedded one."""
    embedded_server.get_parameters()
    folder = programs.find_program("postgres").parents[2] / "pginstall" / "bin"
    with started_server(folder) as server:
        keywords: Keywords = conninfo_to_dict(server.url())
        with psycopg.connect(**keywords) as connection:
            assert connection.info.server_version // 10_000 == 16
        yield keywords


def test_a_database_of_this_project_has_no_drift_on_postgresql_16(sixteen: Keywords) -> None:
    databases.clone(sixteen, "template1", "ncfd")
    keywords = {**sixteen, "dbname": "ncfd"}
    for revision in REVISIONS:
        databases.migrate(keywords, revision)
        found: Any = drift(keywords).drift
        assert (found["drift"], found["outdated"], found["partial"]) == ([], [], None)
    inspection.verify_only(keywords, Progress(lambda _: None, 0, RunResult(database="test")), {})
    with psycopg.connect(**keywords) as connection:
        connection.execute("DROP INDEX ix_scores_run_id")
    with pytest.raises(MigrationError, match="missing: index ix_scores_run_id"):
        drift(keywords)


def test_out_of_band_objects_at_head_are_no_drift(empty_database: Keywords) -> None:
    databases.become(empty_database, ROOT_REVISION)
    states.apply(empty_database, *states.HAND_APPLIED)
    run(empty_database)
    assert drift(empty_database).drift is not None


def test_outdated_definitions_are_listed_and_are_no_drift(empty_database: Keywords) -> None:
    databases.become(empty_database, CONTRACT_HEAD)
    states.apply(empty_database, "outdated_definitions")
    found: Any = drift(empty_database).drift
    assert found["drift"] == []
    assert "column studies.p_value" in found["outdated"]
    assert "view v_company_canonical" in found["outdated"]
    assert "trigger trg_enforce_pivotal_study_card on studies" in found["outdated"]
    assert any("increment_storage_refcount" in body for body in found["outdated"])


def test_foreign_and_excluded_objects_are_ignored(head_database: Keywords) -> None:
    with psycopg.connect(**head_database) as connection:
        connection.execute(
            "CREATE TABLE django_session (id serial); CREATE SCHEMA other; CREATE TABLE other.t (id integer)"
        )
        connection.execute("CREATE TABLE audit_log (id integer)")
    assert drift(head_database, "audit_log*").drift is not None


@pytest.mark.parametrize("kind", ["boolean", "text"])
def test_additional_columns_of_securities_and_their_view_are_no_drift(empty_database: Keywords, kind: str) -> None:
    databases.become(empty_database, CONTRACT_HEAD)
    with psycopg.connect(**empty_database) as connection:
        connection.execute(f"ALTER TABLE securities ADD issuer_name text, ADD exchange text, ADD active {kind}")
    assert run(empty_database).verified
    assert drift(empty_database).drift is not None
    assert query(empty_database, "SELECT count(*) FROM v_company_tickers WHERE issuer_name = 'x'") == [(0,)]


def test_generated_names_and_the_order_of_columns_are_no_drift(head_database: Keywords) -> None:
    with psycopg.connect(**head_database) as connection:
        connection.execute("ALTER TABLE trials RENAME CONSTRAINT trials_nct_id_key TO some_name")
        connection.execute("ALTER INDEX ix_scores_run_id RENAME TO scores_run_id_idx")
        connection.execute("ALTER TABLE assets DROP moa; ALTER TABLE assets ADD moa text")
    assert drift(head_database).drift is not None


def test_a_role_that_can_read_nothing_but_the_version_gets_a_full_report(head_database: Keywords, worker: str) -> None:
    role = f"reader_{worker}"
    with psycopg.connect(**head_database) as connection:
        connection.execute(f"DROP ROLE IF EXISTS {role}")
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'reader'")
        connection.execute(f"GRANT SELECT ON alembic_version TO {role}")
    try:
        found: Any = drift({**head_database, "user": role, "password": "reader"}).drift
        assert (found["drift"], found["partial"]) == ([], None)
    finally:
        with psycopg.connect(**head_database) as connection:
            connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_the_command_exits_3_and_json_lists_the_drift(head_database: Keywords) -> None:
    with psycopg.connect(**head_database) as connection:
        connection.execute("DROP INDEX ix_scores_run_id")
    before = query(head_database, "SELECT count(*) FROM pg_class")
    code, out, error = call(head_database, "--drift", "--json")
    printed = json.loads(out)
    assert (code, printed["exit"]) == (3, 3)
    assert [(found["kind"], found["name"]) for found in printed["drift"]["drift"]] == [("index", "ix_scores_run_id")]
    assert "CREATE INDEX ix_scores_run_id" in error
    assert query(head_database, "SELECT count(*) FROM pg_class") == before
