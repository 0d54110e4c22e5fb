"""Whether a database is what its revision says, and whether each routine of the contract runs."""

from dataclasses import dataclass

import psycopg

from ncfd_site.migration import catalog
from ncfd_site.migration.session import Connection

_NO_HASH = "repeat('0', 64)"

# Empty copies of the tables that a routine writes. The routines name tables without a schema and so meet these first:
# no row, no sequence and no lock of the real ones is touched, and nothing of it is part of the schema.
_STORAGE = """
    CREATE TEMPORARY TABLE storage_objects (LIKE public.storage_objects INCLUDING ALL);
    CREATE TEMPORARY TABLE storage_references (LIKE public.storage_references INCLUDING ALL);
    ALTER TABLE pg_temp.storage_objects ALTER object_id SET DEFAULT 1;
    ALTER TABLE pg_temp.storage_references ALTER reference_id SET DEFAULT 1;
"""
_STUDIES = """
    CREATE TEMPORARY TABLE trials (LIKE public.trials INCLUDING ALL);
    CREATE TEMPORARY TABLE studies (LIKE public.studies INCLUDING ALL);
    CREATE TRIGGER probe AFTER INSERT ON pg_temp.studies FOR EACH ROW EXECUTE FUNCTION enforce_pivotal_study_card();
    INSERT INTO trials (trial_id, nct_id, is_pivotal, last_seen_at) VALUES (1, 'probe', true, now());
"""
_STAGING_ERRORS = """
    CREATE TEMPORARY TABLE staging_errors (LIKE public.staging_errors INCLUDING ALL);
    ALTER TABLE pg_temp.staging_errors ALTER {key} SET DEFAULT 1;
"""

# A call of each routine, as somebody who uses it would. All of it is rolled back.
_PROBES = {
    "increment_storage_refcount(text, text, text, bigint)": (
        f"{_STORAGE} SELECT increment_storage_refcount({_NO_HASH}, 'local', 'probe', 0)"
    ),
    "decrement_storage_refcount(text, text, text, bigint)": (
        f"{_STORAGE} INSERT INTO storage_objects (sha256, storage_uri, backend_type, tier)"
        f" VALUES ({_NO_HASH}, 'probe', 'local', 'local');"
        " INSERT INTO storage_references (object_id, reference_type, referenced_id) VALUES (1, 'probe', 0);"
        f" SELECT decrement_storage_refcount({_NO_HASH}, 'local', 'probe', 0)"
    ),
    "get_cleanup_candidates(integer, integer)": "SELECT count(*) FROM get_cleanup_candidates(36500, 0)",
    "get_heuristic_precision(text, timestamptz, timestamptz)": "SELECT count(*) FROM get_heuristic_precision('')",
    "can_auto_promote_heuristic(text, numeric, integer)": "SELECT can_auto_promote_heuristic('')",
    "enforce_pivotal_study_card()": (
        _STUDIES + "{staging_errors}"
        " INSERT INTO studies (study_id, trial_id, doc_type, year, extracted_jsonb) VALUES (1, 1, 'probe', 1, '{{}}')"
    ),
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
            return (
                f"Verified: {self.objects} objects are what {self.revision} says,"
                f" {self.routines} routines and views run."
            )
        return f"Not verified against {self.revision}:\n" + "\n".join(f"  {problem}" for problem in self.problems)


def verify(connection: Connection, revision: str) -> Verification:
    """Hold the database against a revision and call its routines; changes nothing."""
    wanted = catalog.expected(revision)
    problems = [str(difference) for difference in catalog.differences(catalog.read(connection), wanted)]
    ran = 0
    for name, probe in _probes(wanted).items():
        try:
            with connection.transaction(force_rollback=True):
                connection.execute(probe)
            ran += 1
        except psycopg.Error as error:
            problems.append(f"{name} does not run: {str(error).strip()}")
    return Verification(revision, len(wanted), ran, tuple(problems))


def _probes(wanted: catalog.Catalog) -> dict[str, str]:
    """The probes of the routines and views that are there at a revision."""
    functions = {name.partition("(")[0] for kind, name in wanted if kind == "function"}
    # A revision on the way gives the key of staging_errors another name; before it, there is no such table.
    keys = [key for key in ("id", "error_id") if ("column", f"staging_errors.{key}") in wanted]
    staging_errors = _STAGING_ERRORS.format(key=keys[0]) if keys else ""
    probes = {
        name: probe.replace("{staging_errors}", staging_errors).replace("{{}}", "{}")
        for name, probe in _PROBES.items()
        if name.partition("(")[0] in functions
    }
    views = (name for kind, name in wanted if kind == "relation" and name in _VIEWS)
    return probes | {view: f"SELECT count(*) FROM (SELECT * FROM {view} LIMIT 1) AS v" for view in views}
