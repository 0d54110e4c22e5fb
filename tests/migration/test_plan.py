"""The plan names every lock that a run takes, with rows, rewrites and duration."""

import json
from typing import Any

import pytest

from ncfd_site.schema.deploy import bookkeeping, plan
from ncfd_site.schema.deploy.session import Connection
from ncfd_site.schema.source import Step
from tests import databases
from tests.databases import Keywords
from tests.migration import states
from tests.migration.running import call, query, run
from tests.migration.states import STATES

# Strong locks that the transaction holds on relations that existed before the run.
HELD = """
    SELECT c.relname, upper(regexp_replace(replace(l.mode, 'Lock', ''), '([a-z])([A-Z])', '\\1 \\2', 'g'))
    FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
    WHERE l.pid = pg_backend_pid() AND l.granted AND c.relkind IN ('r', 'v', 'm') AND c.oid::bigint = ANY (%s)
      AND c.relname !~ '^alembic_' AND l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
"""
EXISTING = "SELECT oid::bigint FROM pg_class WHERE relnamespace = 'public'::regnamespace"


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[tuple[str, str]]]:
    """Record the locks of each revision at the end of its transaction."""
    record = bookkeeping.RunLog.record_revision
    found: dict[str, set[tuple[str, str]]] = {"existing": set()}

    def spy(self: bookkeeping.RunLog, connection: Connection, step: Step, *rest: Any) -> None:
        found[step.revision] = set(connection.execute(HELD, [list(found["existing"])]).fetchall())
        record(self, connection, step, *rest)

    monkeypatch.setattr(bookkeeping.RunLog, "record_revision", spy)
    return found


def require_planned(keywords: Keywords, held: dict[str, Any], target: str, **terms: Any) -> None:
    printed = json.loads(call(keywords, target, "--plan", "--json")[1])
    planned = {
        step["revision"]: {each["table"]: plan.MODES.index(each["lock"]) for each in step["tables"]}
        for step in printed["steps"]
    }
    held.clear()
    held["existing"] = {oid for (oid,) in query(keywords, EXISTING)}
    run(keywords, target, **terms)
    del held["existing"]
    assert list(held) == list(planned)
    unplanned = [
        f"{revision}: {mode} on {table}"
        for revision, locks in held.items()
        for table, mode in locks
        if planned[revision].get(table, -1)
        < plan.MODES.index(mode.replace("SHARE ROWEXCLUSIVE", "SHARE ROW EXCLUSIVE"))
    ]
    assert not unplanned, "\n".join(unplanned)


@pytest.mark.parametrize("state", ["2 at the root", "3 root and all out-of-band", "4 at the head"])
def test_every_lock_of_an_upgrade_is_planned(
    empty_database: Keywords, held: dict[str, set[tuple[str, str]]], state: str
) -> None:
    STATES[state].build(empty_database)
    require_planned(empty_database, held, "head")


def test_every_lock_of_a_downgrade_is_planned(head_database: Keywords, held: dict[str, set[tuple[str, str]]]) -> None:
    require_planned(head_database, held, "base")


def test_the_plan_of_a_downgrade_lists_the_rows_that_it_destroys(head_database: Keywords) -> None:
    states.execute(
        head_database,
        "INSERT INTO trials (nct_id, is_pivotal, last_seen_at) VALUES ('NCT1', true, now()), ('NCT2', true, now())",
        "INSERT INTO site_jobs (kind, requested_by) VALUES ('count', 'olga')",
    )
    code, out, _ = call(head_database, "base", "--plan")
    losses = [line.strip() for line in out.splitlines() if "destroys" in line]
    assert (code, losses) == (
        0,
        [
            "destroys rows of site_jobs (1); needs --allow-destructive 20261127_add_site_jobs",
            "destroys rows of trials (2); needs --allow-destructive 20250121_create_studies_table_and_guardrails",
        ],
    )
    steps = json.loads(call(head_database, "base", "--plan", "--json")[1])["steps"]
    assert [step["destroys"] for step in steps if step["destroys"]] == [{"site_jobs": 1}, {"trials": 2}]
    assert call(head_database, "-1", "--plan")[1].count("destroys") == 0


def test_the_plan_has_lock_rows_rewrite_and_duration(empty_database: Keywords) -> None:
    states.at_head(empty_database)
    states.execute(empty_database, "ANALYZE")
    code, out, _ = call(empty_database, "--plan")
    lines = out.splitlines()
    step = next(line for line in lines if line.startswith("  apply 20250125_replace_faulty_routines: "))
    assert (
        lines[lines.index(step) + 1]
        == "    studies (2 rows): ACCESS EXCLUSIVE lock, blocks reads and writes, rewritten; less than a second"
    )
    assert sum("rewritten" in line for line in lines) == 1
    steps = json.loads(call(empty_database, "--plan", "--json")[1])["steps"]
    assert steps[0]["tables"][0] == {
        "table": "studies", "lock": "ACCESS EXCLUSIVE", "rows": 2, "is_rewritten": True, "seconds": 0.0
    }  # fmt: skip
    assert code == 0


def test_the_duration_grows_with_the_rows(empty_database: Keywords) -> None:
    databases.become(empty_database, "20250122_add_storage_refcounting")
    states.execute(
        empty_database,
        "INSERT INTO trials (trial_id, nct_id, is_pivotal, last_seen_at) VALUES (1, 'NCT1', false, now())",
        "INSERT INTO studies (study_id, trial_id, doc_type, year) SELECT n, 1, 'PR', 2025 FROM generate_series(1, 9) n",
        "UPDATE pg_class SET reltuples = 4e6 * relpages WHERE oid = 'studies'::regclass",
        "ANALYZE studies",
        "UPDATE pg_class SET reltuples = 4e6 WHERE oid = 'studies'::regclass",
    )
    _, out, _ = call(empty_database, "--plan")
    assert "    studies (4,000,000 rows): ACCESS EXCLUSIVE lock, blocks reads and writes, rewritten; about 120 s" in out
