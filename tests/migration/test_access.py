"""Pipelines with roles of their own write after a run what they wrote before."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema.deploy.report import MigrationError
from tests import databases
from tests.databases import Keywords
from tests.migration import copies, roles, states
from tests.migration.running import call, query, run
from tests.migration.test_contract import ROOT_REVISION
from tests.sql import one

# Each fires a trigger that a revision after the contract's head adds.
STATEMENTS = [
    "SELECT increment_storage_refcount(repeat('a', 64), 'local', 'document', 1)",
    (
        "INSERT INTO storage_objects (sha256, storage_uri, backend_type, tier)"
        " VALUES (repeat('b', 64), 'local://' || repeat('b', 64), 'local', 'local') RETURNING refcount"
    ),
    "INSERT INTO trials (nct_id, is_pivotal, last_seen_at) VALUES ('NCT99999999', true, now()) RETURNING 1",
    "UPDATE trials SET sponsor_text = 'x' WHERE nct_id = 'NCT99999999' RETURNING 1",
    (
        "INSERT INTO scores (trial_id, run_id, prior_pi, logit_prior, sum_log_lr, logit_post, p_fail)"
        " SELECT trial_id, 'new', 0.5, 0, 0, 0, 0.5 FROM trials WHERE nct_id = 'NCT99999999' RETURNING 1"
    ),
    "DELETE FROM scores WHERE run_id = 'new' RETURNING 1",
    (
        "UPDATE link_audit SET label = true, reviewed_by = 'ruth'"
        " WHERE audit_id = (SELECT min(audit_id) FROM link_audit) RETURNING 1"
    ),
    (
        "INSERT INTO link_audit (doc_id, asset_id, link_type, confidence, label)"
        " SELECT doc_id, asset_id, 'x', 1, true FROM link_audit LIMIT 1 RETURNING 1"
    ),
    "DELETE FROM documents WHERE doc_id = (SELECT min(doc_id) FROM link_audit) RETURNING 1",
]


@pytest.fixture
def names(worker: str) -> list[str]:
    return [f"{role}_{worker}" for role in ("ncfd", "pipeline")]


@pytest.fixture
def live(empty_database: Keywords, names: list[str]) -> Iterator[Keywords]:
    """The head of the contract, owned by a role without superuser rights, and a pipeline with a role of its own."""
    owner, pipeline = names
    states.at_head(empty_database)
    with roles.created(empty_database, owner, pipeline):
        roles.give(empty_database, owner)
        states.execute(empty_database, roles.PIPELINE_GRANTS.format(pipeline))
        yield empty_database


def test_a_pipeline_executes_every_statement_after_a_run(live: Keywords, names: list[str]) -> None:
    owner, pipeline = names
    assert run(roles.log_in(live, owner)).verified
    with psycopg.connect(**roles.log_in(live, pipeline)) as connection:
        for statement in STATEMENTS:
            assert one(connection.execute(statement))[0] in (0, 1)
    recorded = (
        "SELECT decision, reviewer, mode, recorded_by FROM link_reviews WHERE mode <> 'existing' ORDER BY review_id"
    )
    assert query(live, recorded) == [("right", "ruth", "sql", pipeline), ("right", None, "sql", pipeline)]


def test_writes_of_roles_that_the_user_is_no_member_of_are_not_tried(live: Keywords, names: list[str]) -> None:
    owner, pipeline = names
    code, out, _ = call(roles.log_in(live, owner))
    assert code == 0
    assert f"Writes not tried as {pipeline}: the database user is not a member of these roles" in out


def test_a_statement_that_a_role_loses_fails_the_verification(live: Keywords, names: list[str], tmp_path: Path) -> None:
    owner, pipeline = names
    states.execute(live, f"GRANT {pipeline} TO {owner}")
    schema = copies.copy(tmp_path)
    copies.add_revision(
        schema,
        "20990101_new",
        "CREATE TABLE IF NOT EXISTS changes (id integer);"
        "CREATE OR REPLACE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN INSERT INTO changes VALUES (1); RETURN NULL; END';"
        "CREATE OR REPLACE TRIGGER note AFTER UPDATE ON trials FOR EACH STATEMENT EXECUTE FUNCTION note();",
    )
    before = query(live, "SELECT count(*), max(trial_id) FROM trials")
    code, out, error = call(roles.log_in(live, owner), schema=schema)
    assert code == ExitCode.FINDINGS, (out, error)
    update = "UPDATE public.trials SET sponsor_text = 'probe' WHERE trial_id = -1"
    assert (
        f'{pipeline} could execute "{update}" before the run and cannot after it: permission denied for table changes'
        in error
    )
    assert error.count("could execute") == 1
    assert "not tried" not in out
    assert query(live, "SELECT count(*), max(trial_id) FROM trials") == before


def test_what_a_role_could_not_do_before_is_no_loss(live: Keywords, names: list[str]) -> None:
    owner, pipeline = names
    states.execute(live, f"GRANT {pipeline} TO {owner}", f"REVOKE UPDATE ON trials, link_audit FROM {pipeline}")
    assert run(roles.log_in(live, owner)).verified


def test_a_downgrade_takes_no_statement_into_account(live: Keywords) -> None:
    run(live)
    with pytest.raises(MigrationError, match="rows of"):
        run(live, ROOT_REVISION)
    revision = "20250123_add_storage_objects_and_references"
    assert run(
        live, revision, allow_destructive=["20250123_add_link_audit_fields", "20250124_signals_gates_scores"]
    ).verified


def test_routines_that_ran_before_verification_do_not_hang_it(empty_database: Keywords) -> None:
    # Without triggers, increment_storage_refcount runs in the session before its probe, with plans of the real table.
    databases.migrate(empty_database)
    name = empty_database["dbname"]
    states.execute(empty_database, f"ALTER DATABASE {name} SET session_replication_role = replica")
    run(empty_database, "-1")
    assert run(empty_database).verified
