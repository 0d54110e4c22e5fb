"""After a kill at any moment, the next run reaches head with every row."""

import random
import signal
import time

import psycopg
import pytest

from ncfd_site.schema.deploy import expected
from tests import databases
from tests.databases import Keywords
from tests.migration import states
from tests.migration.running import finish, query, run, start
from tests.migration.test_contract import ROOT_REVISION, differences
from tests.migration.test_runs import REVISIONS
from tests.sql import insert, make_trial

# A run from the root to head takes about this many seconds, most of them before the first revision begins.
LONGEST = 2.5


def kill_and_rerun(keywords: Keywords, times: int) -> None:
    rows = {
        "trials": "SELECT nct_id FROM trials",
        "links": "SELECT company_id, security_id, linked_at FROM company_securities",
        "references": "SELECT object_id, reference_type FROM storage_references",
        "labels": "SELECT label, label_source FROM link_audit",
        "studies": "SELECT study_id, extracted_jsonb FROM studies",
    }
    for attempt in range(times):
        databases.clone(keywords, "template1", keywords["dbname"])
        databases.become(keywords, ROOT_REVISION)
        states.apply(keywords, *states.HAND_APPLIED)
        with psycopg.connect(**keywords) as connection:
            trial = make_trial(connection)
            insert(connection, "studies", trial_id=trial, doc_type="PR", year=2025, extracted_jsonb={})
        # Security numbers become text; the rest stays.
        before = {name: str(query(keywords, select)).replace("'1'", "1") for name, select in rows.items()}
        delay = random.Random(attempt).uniform(0.3, LONGEST)

        killed = start(keywords)
        time.sleep(delay)
        killed.send_signal(signal.SIGKILL)
        finish(killed)

        versions = query(keywords, "SELECT version_num FROM alembic_version")
        assert len(versions) == 1, f"killed after {delay:.2f} s"
        assert versions[0][0] in REVISIONS
        assert run(keywords).after == REVISIONS[-1]
        assert differences(keywords, "catalog-head.json") == []
        after = {name: str(query(keywords, select)).replace("'1'", "1") for name, select in rows.items()}
        assert after == before, f"killed after {delay:.2f} s"


def test_a_killed_run_is_finished_by_the_next_one(empty_database: Keywords) -> None:
    kill_and_rerun(empty_database, 5)


# The revision after this one changes a column, in one transaction with the version.
_CHANGES_NEXT = {"20261130_add_score_runs"}


@pytest.mark.parametrize("revision", [revision for revision in REVISIONS[9:-1] if revision not in _CHANGES_NEXT])
def test_a_revision_that_was_killed_before_its_version_was_written_runs_again(
    empty_database: Keywords, revision: str
) -> None:
    databases.become(empty_database, REVISIONS[REVISIONS.index(revision) + 1])
    with psycopg.connect(**empty_database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", [revision])
    result = run(empty_database)
    assert result.after == REVISIONS[-1]
    assert result.verified


def test_the_next_scratch_database_drops_those_of_killed_processes(empty_database: Keywords) -> None:
    select = "SELECT datname FROM pg_database WHERE datname LIKE 'ncfd\\_scratch\\_%' ORDER BY oid"
    killed = start(empty_database, "--check", command=("manage.py", "schema_snapshot"))
    deadline = time.monotonic() + 60
    while not (left := query(empty_database, select)) and time.monotonic() < deadline:
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    finish(killed)
    assert query(empty_database, select) == left != []
    # The server ends the sessions of the killed process.
    while query(empty_database, "SELECT FROM pg_stat_activity WHERE application_name LIKE 'ncfd\\_scratch%'"):
        time.sleep(0.05)
    with expected.scratch_database(empty_database) as used, expected.scratch_database(empty_database) as other:
        assert query(empty_database, select) == [(used["dbname"],), (other["dbname"],)]
    assert query(empty_database, select) == []


@pytest.mark.soak
def test_fifty_killed_runs_are_each_finished_by_the_next_one(empty_database: Keywords) -> None:
    kill_and_rerun(empty_database, 50)
