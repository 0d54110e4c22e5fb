"""Whether a database is what its revision says, and whether each routine of the contract runs."""

from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from ncfd_site.migration import catalog

_NO_HASH = "repeat('0', 64)"

# A call of each routine, as somebody who uses it would. All of it is rolled back.
_PROBES = {
    "increment_storage_refcount(text, text, text, bigint)": f"SELECT increment_storage_refcount({_NO_HASH}, 'local', 'probe', 0)",
    "decrement_storage_refcount(text, text, text, bigint)": f"SELECT decrement_storage_refcount({_NO_HASH}, 'local', 'probe', 0)",
    "get_cleanup_candidates(integer, integer)": "SELECT count(*) FROM get_cleanup_candidates(36500, 0)",
    "get_heuristic_precision(text, timestamptz, timestamptz)": "SELECT count(*) FROM get_heuristic_precision('')",
    "can_auto_promote_heuristic(text, numeric, integer)": "SELECT can_auto_promote_heuristic('')",
    "enforce_pivotal_study_card()": """
        WITH trial AS (
            INSERT INTO trials (trial_id, nct_id, is_pivotal, last_seen_at) VALUES (-1, 'probe', true, now()) RETURNING trial_id
        ) SELECT count(*) FROM trial;
        INSERT INTO studies (study_id, trial_id, doc_type, year, extracted_jsonb) VALUES (-1, -1, 'probe', 2000, '{}')""",
}
_VIEWS = (
    "heuristic_precision_summary",
    "v_active_us_securities",
    "v_company_canonical",
    "v_company_tickers",
    "v_domain_aliases",
)


@dataclass(frozen=True)
class Verification:
    """What was looked at, and what is not as it should be."""

    revision: str
    objects: int
    routines: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.problems

    def __str__(self) -> str:
        if self.ok:
            return f"Verified: {self.objects} objects are what {self.revision} says, {self.routines} routines and views run."
        return f"Not verified against {self.revision}:\n" + "\n".join(f"  {problem}" for problem in self.problems)


def verify(connection: Connection, revision: str) -> Verification:
    """Hold the database against a revision and call its routines; changes nothing."""
    wanted = catalog.expected(revision)
    problems = [str(difference) for difference in catalog.differences(catalog.read(connection), wanted)]
    ran = 0
    for name, probe in [*_PROBES.items(), *((view, f"SELECT count(*) FROM (SELECT * FROM {view} LIMIT 1) AS v") for view in _VIEWS)]:
        if not connection.scalar(text("SELECT coalesce(to_regprocedure(:n)::oid, to_regclass(:v)::oid)"),
                                 {"n": name if "(" in name else None, "v": None if "(" in name else name}):
            connection.rollback()
            continue
        try:
            # A reader in our way is waited for a little longer than while a revision runs: nothing is held meanwhile.
            connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
            connection.exec_driver_sql(probe)
            ran += 1
        except DBAPIError as error:
            problems.append(f"{name} does not run: {str(error.orig).strip()}")
        finally:
            connection.rollback()
    return Verification(revision, len(wanted), ran, tuple(problems))
