"""Databases of the pipelines' own migrations reach head, with everything that these migrations made."""

import json

import pytest

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema.deploy import revisions
from ncfd_site.schema.deploy.report import MigrationError
from tests.databases import Keywords
from tests.migration import states
from tests.migration.running import adopt, call, query, run
from tests.migration.test_contract import CONTRACT_HEAD, ROOT_REVISION, differences
from tests.migration.test_live_states import EVERYTHING

VIEW = "v_active_us_securities"
ATTACHED = f"""
    SELECT 'index', indexname FROM pg_indexes WHERE tablename = '{VIEW}'
    UNION ALL SELECT 'comment', obj_description('{VIEW}'::regclass)
    UNION ALL SELECT 'options', reloptions::text FROM pg_class WHERE oid = '{VIEW}'::regclass
    UNION ALL SELECT 'grant', has_table_privilege('public', '{VIEW}', 'SELECT')::text
"""
FOREIGN = """
    SELECT 'catalysts', md5(string_agg(c::text || c.xmin, ',' ORDER BY c::text)) FROM catalysts c
    UNION ALL SELECT 'v_trial_catalysts', string_agg(v::text, ',' ORDER BY v::text) FROM v_trial_catalysts v
    UNION ALL SELECT 'v_enhanced_study_cards', string_agg(v::text, ',' ORDER BY v::text) FROM v_enhanced_study_cards v
"""


@pytest.fixture
def pipelines(empty_database: Keywords) -> Keywords:
    """A database at the head of the contract, in the spelling of the pipelines' migrations."""
    states.at_head(empty_database)
    states.apply(empty_database, "pipelines")
    return empty_database


@pytest.fixture
def later(pipelines: Keywords) -> Keywords:
    """The same after a later migration of the pipelines."""
    states.apply(pipelines, "pipelines_later")
    states.execute(pipelines, "UPDATE alembic_version SET version_num = 'cb8dbc1fff5f'")
    return pipelines


def test_a_view_in_another_spelling_is_replaced_with_all_that_is_attached(pipelines: Keywords) -> None:
    states.execute(pipelines, f"ALTER MATERIALIZED VIEW {VIEW} SET (fillfactor = 80)")
    attached, rows = query(pipelines, ATTACHED), states.rows(pipelines)
    assert len(attached) == 4
    code, plan, _ = call(pipelines, "--plan")
    assert code == 0
    assert f"view {VIEW}" in plan.partition("outdated definitions replaced by 20250125_replace_faulty_routines")[2]
    assert run(pipelines).verified
    assert query(pipelines, ATTACHED) == attached
    assert states.kept(rows, states.rows(pipelines)) == []
    assert differences(pipelines, "catalog-head.json") == []
    oid = query(pipelines, f"SELECT '{VIEW}'::regclass::oid")
    run(pipelines, CONTRACT_HEAD)
    run(pipelines)
    assert query(pipelines, f"SELECT '{VIEW}'::regclass::oid") == oid, "replaced although it was the same"


@pytest.mark.parametrize("how", ["auto", CONTRACT_HEAD])
def test_a_view_in_another_spelling_is_adopted(pipelines: Keywords, how: str) -> None:
    states.execute(pipelines, "DROP TABLE alembic_version")
    result, printed = adopt(pipelines, how)
    assert result.verified
    assert f"The schema is at {CONTRACT_HEAD}." in printed


def test_a_plain_view_is_replaced_by_the_materialized_one(pipelines: Keywords) -> None:
    query_of_it = query(pipelines, f"SELECT pg_get_viewdef('{VIEW}'::regclass)")[0][0]
    states.execute(pipelines, f"DROP MATERIALIZED VIEW {VIEW}", f"CREATE VIEW {VIEW} AS {query_of_it}")
    assert run(pipelines).verified
    assert query(pipelines, f"SELECT relkind FROM pg_class WHERE relname = '{VIEW}'") == [("m",)]


def test_a_materialized_view_with_other_columns_is_not_replaced(pipelines: Keywords) -> None:
    states.execute(
        pipelines,
        f"DROP MATERIALIZED VIEW {VIEW}",
        f"CREATE MATERIALIZED VIEW {VIEW} AS SELECT *, 1 AS mine FROM securities",
    )
    before = query(pipelines, EVERYTHING)
    with pytest.raises(MigrationError, match=rf"missing: column {VIEW}\.mic.*extra: column {VIEW}\.mine") as refusal:
        run(pipelines)
    assert refusal.value.exit_code is ExitCode.REFUSED
    assert query(pipelines, EVERYTHING) == before


def test_columns_that_the_replacement_of_a_view_drops_are_in_the_plan(pipelines: Keywords) -> None:
    states.execute(
        pipelines,
        "DROP VIEW v_company_tickers",
        "CREATE VIEW v_company_tickers AS SELECT company_id, security_id, linked_at AS mine FROM company_securities",
    )
    assert "column v_company_tickers.mine" in call(pipelines, "--plan")[1]
    assert run(pipelines).verified


def test_additions_of_the_pipelines_are_extra_and_are_no_drift(pipelines: Keywords) -> None:
    run(pipelines)
    code, out, _ = call(pipelines, "--drift", "--json")
    found = json.loads(out)["drift"]
    assert (code, found["drift"]) == (0, [])
    assert {each["name"] for each in found["extra"]} >= {
        "resolver_decisions.resolver_decisions_run_nct_snorm_key",
        "trials.brief_title",
        "document_links.link_id",
        "document_links.document_links_pkey",
        "active_by_security",
    }


@pytest.mark.parametrize("version", sorted(revisions.PIPELINES_IDS))
def test_a_later_migration_of_the_pipelines_is_compared_and_never_changed_unasked(
    later: Keywords, version: str
) -> None:
    states.execute(later, f"UPDATE alembic_version SET version_num = '{version}'")
    before = query(later, EVERYTHING)
    command = f"manage.py migrate_alembic --adopt {CONTRACT_HEAD}"
    for arguments in ([], ["--plan"], ["--check"], ["--sql"], ["--adopt", "auto", "--noinput"],
                      ["--adopt", ROOT_REVISION, "--noinput"]):  # fmt: skip
        code, _, error = call(later, *arguments)
        assert code == ExitCode.REFUSED, arguments
        assert f"alembic_version holds {version}: the pipelines' own migrations after {CONTRACT_HEAD}" in error
        assert error.strip().endswith(command)
    assert query(later, EVERYTHING) == before
    code, out, _ = call(later, "--drift")
    assert code == 0
    assert f"match {CONTRACT_HEAD}; " in out
    assert "extra: relation catalysts: table (left alone)" in out
    code, out, _ = call(later, "--verify-only")
    assert (code, out.startswith("Verified: ")) == (0, True)


def test_it_is_adopted_by_the_name_of_the_revision_before_it(later: Keywords) -> None:
    states.execute(later, "UPDATE storage_objects SET refcount = refcount + 3")
    rows, foreign = states.rows(later), query(later, FOREIGN)
    code, plan, _ = call(later, "--adopt", CONTRACT_HEAD, "--plan")
    assert code == 0
    assert plan.index("reference counts of storage_objects: 1001") < plan.index("BEGIN;")
    code, out, _ = call(later, "--adopt", CONTRACT_HEAD, "--noinput")
    assert code == 0
    assert f"Recorded {CONTRACT_HEAD}; before: cb8dbc1fff5f" in out
    assert "extra, left alone: " in out
    assert states.kept(rows, states.rows(later)) == []
    assert query(later, FOREIGN) == foreign
    assert differences(later, "catalog-head.json") == []
    states.execute(later, "UPDATE catalysts SET certainty = 0.6")
    assert query(later, "SELECT DISTINCT updated_at > now() - interval '1 minute' FROM catalysts") == [(True,)]
    assert call(later, "--drift")[0] == 0


def test_a_later_migration_on_another_schema_is_not_adopted(later: Keywords) -> None:
    states.execute(later, "ALTER TABLE trials DROP indication")
    before = query(later, EVERYTHING)
    code, _, error = call(later)
    assert code == ExitCode.REFUSED
    assert "The schema differs from that revision: missing: column trials.indication" in error
    assert "--drift" in error
    assert call(later, "--adopt", CONTRACT_HEAD, "--noinput")[0] == ExitCode.REFUSED
    assert query(later, EVERYTHING) == before
