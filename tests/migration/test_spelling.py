"""Definitions are equal if the server reads them alike: a dump and its restore are no drift, a moved parenthesis is."""

import psycopg
import pytest

from ncfd_site.schema.catalog import Key
from ncfd_site.schema.deploy import revisions, session, spelling
from tests import databases
from tests.databases import Keywords
from tests.migration import states
from tests.migration.running import adopt, call, run
from tests.migration.test_contract import CONTRACT_HEAD

CHECK = ("constraint", "scores.ck_scores_p_fail_range")
INDEX = ("index", "ix_scores_run_id")
TRIGGER = ("trigger", "trg_link_audit_label_updated on link_audit")
DEFAULT = ("column", "documents.status")

_WHEN = (
    "CREATE TRIGGER t AFTER UPDATE ON public.link_audit FOR EACH ROW WHEN {}"
    " EXECUTE FUNCTION public.enforce_pivotal_study_card()"
)

# A key, two definitions, whether the server reads them alike, and whether they are alike without parentheses and casts.
PAIRS: dict[str, tuple[Key, str, str, bool, bool]] = {
    "restored check": (
        ("constraint", "signals.ck_signals_severity_valid"),
        "CHECK (((severity)::text = ANY (ARRAY[('H'::character varying)::text, ('M'::character varying)::text])))",
        "CHECK (((severity)::text = ANY ((ARRAY['H'::character varying, 'M'::character varying])::text[])))",
        True,
        True,
    ),
    "check with a moved parenthesis": (
        CHECK,
        "CHECK ((((p_fail > 0) OR (p_fail < 1)) AND (p_fail <> 0.5)))",
        "CHECK (((p_fail > 0) OR ((p_fail < 1) AND (p_fail <> 0.5))))",
        False,
        True,
    ),
    "check with another cast": (
        CHECK,
        "CHECK ((p_fail > (0.5)::double precision))",
        "CHECK ((p_fail > ((0.5)::integer)::double precision))",
        False,
        True,
    ),
    "view with prefixes": (
        ("view", "v_domain_aliases"),
        " SELECT trials.trial_id FROM public.trials WHERE (trials.phase = 'x'::text);",
        " SELECT trial_id FROM public.trials WHERE (phase = 'x'::text);",
        True,
        True,
    ),
    "view with a moved parenthesis": (
        ("view", "v_domain_aliases"),
        " SELECT trial_id * (trial_id + 1) AS n FROM public.trials;",
        " SELECT (trial_id * trial_id) + 1 AS n FROM public.trials;",
        False,
        True,
    ),
    "index": (
        INDEX,
        "CREATE INDEX ix_scores_run_id ON public.scores USING btree (run_id) WHERE ((p_fail > 0) AND (p_fail < 1))",
        "CREATE INDEX ix_scores_run_id ON public.scores USING btree (run_id) WHERE (((p_fail > 0)) AND (p_fail < 1))",
        True,
        True,
    ),
    "index of another column": (
        INDEX,
        "CREATE INDEX ix_scores_run_id ON public.scores USING btree (run_id)",
        "CREATE INDEX ix_scores_run_id ON public.scores USING btree (trial_id)",
        False,
        False,
    ),
    "restored trigger": (
        TRIGGER,
        _WHEN.format("(((old.label <> new.label) OR (old.model <> new.model) OR (old.label = true)))"),
        _WHEN.format("((((old.label <> new.label) OR (old.model <> new.model)) OR (old.label = true)))"),
        True,
        True,
    ),
    "default": (DEFAULT, "text DEFAULT ('x'::text)", "text DEFAULT 'x'::text", True, True),
    "default with a moved parenthesis": (
        DEFAULT,
        "text DEFAULT ((2 * (3 + 4)))::text",
        "text DEFAULT (((2 * 3) + 4))::text",
        False,
        True,
    ),
    "default of another type": (DEFAULT, "text DEFAULT 'x'::text", "varchar DEFAULT 'x'::text", False, False),
}


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_the_server_decides_and_without_it_the_text(
    shared_head_database: Keywords, pair: tuple[Key, str, str, bool, bool]
) -> None:
    key, one, other, is_same, is_loosely_same = pair
    with session.connect(shared_head_database) as connection:
        strict, reason = spelling.respell_by_server(connection, {key: one}, [{key: other}])
        assert (strict, reason) == ({key: other if is_same else one}, "")
        connection.execute("SET default_transaction_read_only = on")
        loose, reason = spelling.respell_by_server(connection, {key: one}, [{key: other}])
        assert "read-only transaction" in reason
        assert (loose[key] == other) is is_loosely_same


def test_an_unfinished_definition_stays_unfinished(shared_head_database: Keywords) -> None:
    with session.connect(shared_head_database) as connection:
        found, _ = spelling.respell_by_server(
            connection, {CHECK: "CHECK ((((p_fail > 0)))) NOT VALID"}, [{CHECK: "CHECK ((p_fail > 0))"}]
        )
    assert found == {CHECK: "CHECK ((p_fail > 0)) NOT VALID"}


@pytest.fixture
def restored(empty_database: Keywords, request: pytest.FixtureRequest) -> Keywords:
    """A database that was dumped and restored, at a revision."""
    if request.param == CONTRACT_HEAD:
        states.at_head(empty_database)
    else:
        databases.become(empty_database, request.param)
    states.dump_and_restore(empty_database)
    return empty_database


HEAD = revisions.head()


@pytest.mark.parametrize("restored", [CONTRACT_HEAD, HEAD], indirect=True)
def test_a_restored_database_has_no_drift_and_is_adopted(restored: Keywords) -> None:
    code, out, _ = call(restored, "--drift")
    assert (code, out.splitlines()[-1].startswith("No drift: ")) == (0, True)
    assert call(restored, "--verify-only")[0] == 0
    states.execute(restored, "DROP TABLE alembic_version")
    result, _ = adopt(restored)
    assert result.verified
    assert result.adoption is not None
    assert result.adoption["partial"] is None
    assert run(restored).applied == []
    assert call(restored, "--drift")[0] == 0


def test_a_read_only_server_reports_drift_loosely(head_database: Keywords) -> None:
    with psycopg.connect(**head_database) as connection:
        connection.execute("ALTER TABLE scores DROP CONSTRAINT ck_scores_p_fail_range")
        connection.execute("ALTER TABLE scores ADD CONSTRAINT ck_scores_p_fail_range CHECK (p_fail <= 2)")
    code, out, error = call({**head_database, "options": "-c default_transaction_read_only=on"}, "--drift")
    assert code == 3
    assert "Partial: the server cannot read definitions again" in out
    assert "differs: constraint scores.ck_scores_p_fail_range" in error
