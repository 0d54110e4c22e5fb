"""A live database reaches head from any state without loss; if manual action is required, nothing is written."""

import psycopg
import pytest

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema.deploy import revisions
from ncfd_site.schema.deploy.report import MigrationError
from tests import databases
from tests.databases import Keywords
from tests.migration import states
from tests.migration.running import adopt, query, run
from tests.migration.states import HAND_APPLIED, STATES
from tests.migration.test_contract import CONTRACT_HEAD, ROOT_REVISION, differences
from tests.migration.test_drift import drift
from tests.sql import insert, make_company, make_link_audits, make_trial, one

EVERYTHING = (
    "SELECT relname, relfilenode, xmin::text FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
)


@pytest.mark.parametrize("name", STATES)
def test_every_state_comes_to_head_with_every_row(empty_database: Keywords, name: str) -> None:
    state = STATES[name]
    state.build(empty_database)
    before = states.rows(empty_database)

    if state.adopted:
        untouched = query(empty_database, EVERYTHING)
        with pytest.raises(MigrationError, match="--adopt") as refusal:
            run(empty_database)
        assert refusal.value.exit_code is ExitCode.REFUSED
        assert query(empty_database, EVERYTHING) == untouched
        result, _ = adopt(empty_database)
    else:
        result = run(empty_database)

    assert result.verified
    assert result.after == revisions.head()
    assert states.kept(before, states.rows(empty_database)) == []
    assert differences(empty_database, "catalog-head.json") == []
    found = drift(empty_database).drift
    assert found is not None
    assert found["outdated"] == []
    drifted = "SELECT count(*) FROM storage_objects o WHERE refcount <>"
    counted = "(SELECT count(*) FROM storage_references r WHERE r.object_id = o.object_id)"
    assert query(empty_database, f"{drifted} {counted}") == [(0,)]
    # Nothing is left to do, and sequences continue.
    assert run(empty_database).applied == []
    with psycopg.connect(**empty_database) as connection:
        make_trial(connection)
        connection.execute("SELECT increment_storage_refcount(repeat('f', 64), 'local', 'study', 5)")


def test_rows_of_out_of_band_storage_tables_stay_and_their_keys_continue(empty_database: Keywords) -> None:
    databases.become(empty_database, ROOT_REVISION)
    states.apply(empty_database, "hand_applied_storage")
    run(empty_database)

    references = "SELECT reference_id, object_id, reference_type, referenced_id FROM storage_references ORDER BY 1"
    assert query(empty_database, references) == [(1, 1, "document", 77)]
    assert query(empty_database, "SELECT count(*), sum(refcount) FROM storage_objects") == [(2, 1)]
    with psycopg.connect(**empty_database) as connection:
        connection.execute("SELECT increment_storage_refcount(repeat('a', 64), 'local', 'study', 5)")
    assert query(empty_database, references)[1] == (2, 1, "study", 5)
    assert query(empty_database, "SELECT refcount FROM storage_objects WHERE object_id = 1") == [(2,)]


def test_out_of_band_labels_and_grants_on_the_summary_stay(empty_database: Keywords) -> None:
    databases.become(empty_database, ROOT_REVISION)
    states.apply(empty_database, "hand_applied_link_audit")
    run(empty_database)

    assert query(empty_database, "SELECT label, label_source FROM link_audit") == [(True, "gold_standard")]
    granted = "SELECT has_table_privilege('public', 'heuristic_precision_summary', 'SELECT')"
    assert query(empty_database, granted) == [(True,)]


def test_integer_links_to_securities_become_text_with_their_dates(empty_database: Keywords) -> None:
    databases.become(empty_database, ROOT_REVISION)
    states.apply(empty_database, "hand_applied_company_securities")
    run(empty_database)

    links = "SELECT company_id, security_id, linked_at AT TIME ZONE 'UTC' FROM company_securities"
    assert [(row[0], row[1], row[2].isoformat()) for row in query(empty_database, links)] == [
        (1, "1", "2021-02-03T04:05:06")
    ]
    assert query(empty_database, "SELECT ticker, security_id FROM v_company_tickers") == [("ACME", "1")]
    assert query(empty_database, "SELECT has_table_privilege('public', 'v_company_tickers', 'SELECT')") == [(True,)]


def test_a_downgrade_keeps_out_of_band_objects(empty_database: Keywords) -> None:
    databases.become(empty_database, ROOT_REVISION)
    states.apply(empty_database, *HAND_APPLIED)
    run(empty_database)
    run(empty_database, ROOT_REVISION)

    assert query(empty_database, "SELECT count(*) FROM storage_references") == [(1,)]
    assert query(empty_database, "SELECT label FROM link_audit") == [(True,)]
    assert query(empty_database, "SELECT count(*) FROM company_securities") == [(1,)]
    run(empty_database)
    assert differences(empty_database, "catalog-head.json") == []


def test_rows_of_staging_errors_stay_when_its_key_is_renamed(empty_database: Keywords) -> None:
    databases.become(empty_database, "20250122_fix_pivotal_study_card_trigger")
    with psycopg.connect(**empty_database) as connection:
        insert(connection, "staging_errors", error_type="parse", error_message="kept")
    run(empty_database)
    with psycopg.connect(**empty_database) as connection:
        insert(connection, "staging_errors", error_type="parse", error_message="next")
    assert query(empty_database, "SELECT id, error_message FROM staging_errors ORDER BY 1") == [
        (1, "kept"),
        (2, "next"),
    ]


@pytest.fixture
def live_head(empty_database: Keywords) -> Keywords:
    """A live database at the head of the contract, with its outdated definitions and with rows."""
    databases.become(empty_database, CONTRACT_HEAD)
    states.apply(empty_database, "outdated_definitions")
    with psycopg.connect(**empty_database) as connection:
        make_trial(connection)
        connection.execute("SELECT increment_storage_refcount(repeat('c', 64), 'local', 'document', 1)")
    return empty_database


def test_faulty_definitions_of_a_live_head_are_replaced(live_head: Keywords) -> None:
    with psycopg.connect(**live_head) as connection, pytest.raises(psycopg.errors.InvalidTextRepresentation):
        insert(
            connection,
            "studies",
            trial_id=1,
            doc_type="PR",
            year=2025,
            extracted_jsonb={"results": {"primary": [{"p_value": "<0.05"}]}},
        )

    assert run(live_head).verified

    with psycopg.connect(**live_head) as connection:
        card = {"results": {"primary": [{"p_value": "<0.001"}]}, "sample_size": {"total_n": 10**12}}
        insert(connection, "studies", trial_id=1, doc_type="PR", year=2025, extracted_jsonb=card)
        assert one(connection.execute("SELECT error_message FROM staging_errors"))[0].startswith(
            "PivotalStudyMissingFields: "
        )
        call = "SELECT {}_storage_refcount(repeat('c', 64), 'local', 'document', {})"
        assert one(connection.execute(call.format("increment", 1))) == (1,)
        assert one(connection.execute(call.format("decrement", 9))) == (1,)
        assert connection.execute("SELECT object_id, size_bytes FROM get_cleanup_candidates(0, 1)").fetchall() == [
            (1, 0)
        ]
        make_link_audits(connection, "HP-1", [True] * 10 + [None] * 90)
        assert one(connection.execute("SELECT can_auto_promote_heuristic('HP-1')")) == (False,)
        ring = [make_company(connection, cik) for cik in (1, 2)]
        for child, parent in (ring, ring[::-1]):
            insert(connection, "company_relationships", parent_company_id=parent, child_company_id=child)
        assert connection.execute("SELECT count(*) FROM v_company_canonical").fetchone() == (2,)


def test_a_short_version_column_is_widened_with_its_row(empty_database: Keywords) -> None:
    """Alembic's own column has 32 characters, as many as the id of the third revision; later ids have more."""
    databases.become(empty_database, "20250122_add_storage_refcounting")
    with psycopg.connect(**empty_database) as connection:
        connection.execute("ALTER TABLE alembic_version ALTER version_num TYPE varchar(32)")

    run(empty_database)

    assert query(empty_database, "SELECT version_num FROM alembic_version") == [(revisions.head(),)]
    width = "SELECT character_maximum_length FROM information_schema.columns WHERE table_name = 'alembic_version'"
    assert query(empty_database, width) == [(255,)]


def test_a_foreign_database_is_left_alone(empty_database: Keywords) -> None:
    with psycopg.connect(**empty_database) as connection:
        connection.execute("CREATE TABLE invoices (id integer)")
    with pytest.raises(MigrationError, match=r"not an ncfd database.*1 other \(invoices\)"):
        run(empty_database)
    assert query(empty_database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(1,)]
