"""Attributes that users give to objects are there again after a run, or the run names them and asks."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from ncfd_site.config.errors import ExitCode
from ncfd_site.postgres.embedded import programs
from tests.databases import Keywords
from tests.migration import copies, roles, states
from tests.migration.running import call, query, run

REPLACING = "20250125_replace_faulty_routines"

ON_P_VALUE = [
    "CREATE INDEX my_p_idx ON studies (doc_type, p_value)",
    "COMMENT ON INDEX my_p_idx IS 'for the report'",
    "COMMENT ON INDEX ix_studies_p_value IS 'of the desk'",
    "CREATE INDEX my_sig_idx ON studies (trial_id) WHERE p_value < 0.05",
    "CREATE INDEX my_log_idx ON studies (ln(p_value + 1))",
    "ALTER INDEX my_log_idx ALTER COLUMN 1 SET STATISTICS 500",
    "ALTER TABLE studies ADD CONSTRAINT my_p_check CHECK (p_value IS NULL OR p_value <= 1)",
    "COMMENT ON CONSTRAINT my_p_check ON studies IS 'a probability'",
    "ALTER TABLE studies ADD CONSTRAINT my_later_check CHECK (p_value > -1) NOT VALID",
    "ALTER TABLE studies ALTER p_value SET STATISTICS 1000",
    "ALTER TABLE studies ALTER p_value SET (n_distinct = 100)",
    "CREATE STATISTICS my_stats ON doc_type, p_value FROM studies",
    "COMMENT ON STATISTICS my_stats IS 'together'",
    "GRANT SELECT (study_id, p_value) ON studies TO {analyst}",
    "COMMENT ON COLUMN studies.p_value IS 'x'",
]
ON_VIEWS = [
    "ALTER VIEW v_company_canonical SET (security_invoker = true)",
    "ALTER VIEW v_domain_aliases SET (security_barrier = true)",
    "COMMENT ON VIEW v_company_canonical IS 'x'",
    "COMMENT ON COLUMN v_company_canonical.canonical_id IS 'topmost'",
    "GRANT SELECT ON v_company_canonical TO {analyst} WITH GRANT OPTION",
    "GRANT SELECT (company_id) ON v_company_tickers TO {analyst}",
    "CREATE VIEW my_view AS SELECT * FROM v_company_canonical",
    "CREATE FUNCTION my_write() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "CREATE TRIGGER my_write INSTEAD OF INSERT ON v_company_canonical FOR EACH ROW EXECUTE FUNCTION my_write()",
    "CREATE RULE my_rule AS ON DELETE TO v_domain_aliases DO INSTEAD NOTHING",
]
ON_FUNCTIONS = [
    "ALTER FUNCTION increment_storage_refcount(text, text, text, bigint) SECURITY DEFINER SET search_path = public",
    "ALTER FUNCTION can_auto_promote_heuristic(text, numeric, integer) SET search_path = public, a SET jit = off",
    "ALTER FUNCTION decrement_storage_refcount(text, text, text, bigint) COST 777",
    "ALTER FUNCTION get_heuristic_precision(text, timestamptz, timestamptz) PARALLEL SAFE ROWS 7",
    "REVOKE EXECUTE ON FUNCTION get_cleanup_candidates(integer, integer) FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION get_cleanup_candidates(integer, integer) TO {pipeline}",
    "COMMENT ON FUNCTION get_cleanup_candidates(integer, integer) IS 'only a hint'",
    "GRANT EXECUTE ON FUNCTION enforce_pivotal_study_card() TO {pipeline}",
]
ON_TABLES = [
    "ALTER TABLE studies REPLICA IDENTITY FULL",
    "ALTER TABLE trials SET (fillfactor = 70)",
    "ALTER TABLE trials ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY my_policy ON trials FOR SELECT TO {analyst} USING (is_pivotal)",
    "CREATE PUBLICATION my_publication FOR TABLE studies, trials",
    "CREATE RULE my_notice AS ON INSERT TO ingest_runs DO ALSO NOTHING",
    "ALTER TABLE trials CLUSTER ON trials_pkey",
]


@pytest.fixture
def names(worker: str) -> dict[str, str]:
    return {role: f"{role}_{worker}" for role in ("ncfd", "pipeline", "analyst", "other")}


@pytest.fixture
def live(empty_database: Keywords, names: dict[str, str]) -> Iterator[Keywords]:
    """The head of the contract, with rows, owned by a role without superuser rights."""
    states.at_head(empty_database)
    with roles.created(empty_database, *names.values()):
        roles.give(empty_database, names["ncfd"])
        yield empty_database


def dump(keywords: Keywords) -> list[str]:
    """Return the lines of `pg_dump -s`, with the names of arguments that the contract has."""
    command: list[str | Path] = [
        programs.find_program("pg_dump"),
        "--schema-only",
        "--dbname",
        make_conninfo(**keywords),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    text = result.stdout.replace("p_min_age_days", "p_max_age_days").replace("p_max_refcount", "p_min_refcount")
    return [line.strip().rstrip(",;") for line in text.splitlines() if not line.startswith(("--", "\\"))]


def test_every_line_of_pg_dump_that_users_added_is_there_again(live: Keywords, names: dict[str, str]) -> None:
    """Column grants and view options decide who reads what: the rows that each role sees stay the same."""
    before = set(dump(live))
    attached = [*ON_P_VALUE, *ON_VIEWS, *ON_FUNCTIONS, *ON_TABLES]
    if query(live, "SELECT current_setting('server_version_num')::integer < 150000") == [(True,)]:
        attached = [statement for statement in attached if "security_invoker" not in statement]
    states.execute(roles.log_in(live, names["ncfd"]), *(statement.format(**names) for statement in attached))
    added = set(dump(live)) - before
    assert len(added) > len(attached)

    code, out, error = call(roles.log_in(live, names["ncfd"]))
    assert code == 0, error
    assert "cannot put back" not in out
    after = dump(live)
    assert sorted(line for line in added if line not in after) == []
    with psycopg.connect(**roles.log_in(live, names["other"])) as other:
        for statement in (
            "SELECT * FROM get_cleanup_candidates(0, 0)",
            "SELECT * FROM v_company_canonical",
            "SELECT p_value FROM studies",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), other.transaction():
                other.execute(statement)
    # The next run finds nothing to do, and the drift names what users set.
    assert call(roles.log_in(live, names["ncfd"]))[1] == f"Nothing to do: {live['dbname']} is at {run(live).after}.\n"


def test_default_privileges_give_no_rights_on_a_replaced_function(live: Keywords, names: dict[str, str]) -> None:
    states.execute(
        live,
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {names['ncfd']} GRANT EXECUTE ON FUNCTIONS TO {names['other']}",
        "REVOKE EXECUTE ON FUNCTION get_cleanup_candidates(integer, integer) FROM PUBLIC",
    )
    run(roles.log_in(live, names["ncfd"]))
    granted = "SELECT has_function_privilege('{}', 'get_cleanup_candidates(integer, integer)', 'EXECUTE')"
    assert query(live, granted.format(names["other"])) == [(False,)]


UNRESTORABLE = {
    "a disabled trigger": (
        "ALTER TABLE studies DISABLE TRIGGER trg_enforce_pivotal_study_card",
        "ALTER TABLE public.studies DISABLE TRIGGER trg_enforce_pivotal_study_card (the trigger is enabled)",
    ),
    "a path of the study card": (
        "ALTER FUNCTION enforce_pivotal_study_card() SET search_path = public",
        f"SET search_path TO public (the path is set by {REPLACING})",
    ),
    "leakproof": (
        "ALTER FUNCTION can_auto_promote_heuristic(text, numeric, integer) LEAKPROOF",
        "ALTER FUNCTION public.can_auto_promote_heuristic(text,numeric,integer) LEAKPROOF (only a superuser may)",
    ),
    "a column of a view": (
        (
            "DROP VIEW v_company_tickers;"
            "CREATE VIEW v_company_tickers AS SELECT company_id, ticker, 1 AS mine FROM securities;"
            "COMMENT ON COLUMN v_company_tickers.mine IS 'one'; ALTER VIEW v_company_tickers OWNER TO {ncfd}"
        ),
        "COMMENT ON COLUMN public.v_company_tickers.mine IS 'one' (the view has no such column any more)",
    ),
}


@pytest.mark.parametrize(("statements", "words"), UNRESTORABLE.values(), ids=UNRESTORABLE)
def test_what_cannot_be_put_back_needs_consent(
    live: Keywords, names: dict[str, str], statements: str, words: str
) -> None:
    states.execute(live, statements.format(**names))
    owner = roles.log_in(live, names["ncfd"])
    code, out, _ = call(owner, "--plan")
    assert code == 0
    assert f"cannot put back, needs --allow-destructive {REPLACING}:" in out
    assert words in out
    before = query(live, "SELECT oid, xmin FROM pg_class UNION ALL SELECT oid, xmin FROM pg_proc")
    code, _, error = call(owner, "--noinput")
    assert code == ExitCode.CONSENT_NEEDED
    assert words in error
    assert query(live, "SELECT oid, xmin FROM pg_class UNION ALL SELECT oid, xmin FROM pg_proc") == before
    code, out, error = call(owner, "--allow-destructive", REPLACING)
    assert (code, error) == (0, ""), out
    assert words.partition(" (")[0] in out


def test_a_constraint_that_new_values_violate_needs_consent(live: Keywords, names: dict[str, str]) -> None:
    """The outdated column has no value for '7' as text; the new one has."""
    states.execute(
        live,
        "ALTER TABLE studies DROP p_value",
        "ALTER TABLE studies ADD p_value numeric GENERATED ALWAYS AS (NULL::numeric) STORED",
        "INSERT INTO studies (trial_id, doc_type, year, extracted_jsonb) SELECT min(trial_id), 'PR', 2025,"
        ' \'{"results": {"primary": [{"p_value": 7}]}}\' FROM trials',
        "ALTER TABLE studies ADD CONSTRAINT my_p_check CHECK (p_value IS NULL OR p_value <= 1)",
    )
    owner = roles.log_in(live, names["ncfd"])
    code, _, error = call(owner, "--noinput")
    assert code == ExitCode.CONSENT_NEEDED
    assert f"{REPLACING} cannot put back what hangs on objects that it replaces" in error
    assert 'check constraint "my_p_check" of relation "studies" is violated by some row' in error
    kept = "SELECT count(*) FROM pg_constraint WHERE conname = 'my_p_check'"
    assert query(live, kept) == [(1,)]
    code, out, _ = call(owner, "--allow-destructive", REPLACING)
    assert code == 0
    assert "Lost, by consent: ALTER TABLE public.studies ADD CONSTRAINT my_p_check CHECK" in out
    assert query(live, kept) == [(0,)]


def test_what_a_revision_drops_without_putting_it_back_fails_the_verification(
    head_database: Keywords, tmp_path: Path
) -> None:
    states.execute(
        head_database, "COMMENT ON COLUMN trials.status IS 'mine'", "CREATE INDEX my_idx ON trials (status, phase)"
    )
    schema = copies.copy(tmp_path)
    copies.add_revision(
        schema,
        "20990101_new",
        "ALTER TABLE trials DROP COLUMN status; ALTER TABLE trials ADD COLUMN status varchar;"
        "CREATE INDEX idx_trials_status ON trials (status);",
    )
    code, _, error = call(head_database, schema=schema)
    assert code == ExitCode.FINDINGS
    assert "lost in the run: COMMENT ON COLUMN public.trials.status IS 'mine'" in error
    assert "lost in the run: CREATE INDEX my_idx ON public.trials USING btree (status, phase)" in error
    assert error.count("lost in the run") == 2
