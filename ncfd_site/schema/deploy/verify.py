"""Verification of a database: objects as in its revision, routines run, models can be read, no rows lost."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import psycopg
from psycopg import sql

from ncfd_site.core.formatting import format_quantity
from ncfd_site.schema import catalog, retrying
from ncfd_site.schema.deploy import bookkeeping, compare, drift, expected, revisions, session, spelling
from ncfd_site.schema.deploy.session import Connection

_NO_HASH = "repeat('0', 64)"


def _copy(table: str) -> str:
    """Return SQL that makes an empty copy of a table that a routine writes.

    Routines name tables without a schema and so find it first: the rows, sequences and locks of the real table are not
    touched. Columns and constraints that a user added do not apply. It is no routine of the schema: it runs in each
    verification, for the table named here, and is rolled back.
    """
    return f"""
    CREATE TEMPORARY TABLE {table}
        (LIKE public.{table} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING IDENTITY INCLUDING INDEXES);
    DO $$ DECLARE v_column text; BEGIN
        FOR v_column IN
            SELECT attname FROM pg_attribute a
            WHERE attrelid = 'pg_temp.{table}'::regclass AND attnum > 0 AND attnotnull AND NOT atthasdef
              AND attidentity = '' AND NOT EXISTS (SELECT FROM pg_index x WHERE x.indrelid = a.attrelid
                                                   AND x.indisprimary AND a.attnum = ANY (x.indkey))
        LOOP
            EXECUTE format('ALTER TABLE pg_temp.{table} ALTER %I DROP NOT NULL', v_column);
        END LOOP;
    END $$;
    -- Statements of routines that ran earlier in the session would read the real table still: a new table of the same
    -- name does not invalidate their plans.
    DISCARD PLANS;
    """


_STORAGE = f"""
    {_copy("storage_objects")} {_copy("storage_references")}
    ALTER TABLE pg_temp.storage_objects ALTER object_id SET DEFAULT 1;
    ALTER TABLE pg_temp.storage_references ALTER reference_id SET DEFAULT 1;
"""
# The card is complete: the routine has a fixed path and would record an incomplete one in the real table.
_CARD = (
    '{"primary_endpoints": ["probe"], "sample_size": {"total_n": 1}, "populations": {"analysis_primary_on": "probe"},'
    ' "results": {"primary": [{"p_value": 0.5}]}}'
)
_STUDIES = f"""
    {_copy("studies")}
    CREATE TRIGGER probe AFTER INSERT ON pg_temp.studies FOR EACH ROW EXECUTE FUNCTION enforce_pivotal_study_card();
    INSERT INTO pg_temp.studies (study_id, trial_id, doc_type, year, extracted_jsonb)
    VALUES (1, coalesce((SELECT trial_id FROM public.trials WHERE is_pivotal LIMIT 1), 0), 'probe', 1, '{_CARD}')
"""

# A call of each routine, which is rolled back.
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
    "increment_storage_refcounts(text[], text[], text[], bigint[])": (
        f"{_STORAGE} SELECT * FROM increment_storage_refcounts(ARRAY[{_NO_HASH}], '{{local}}', '{{probe}}', '{{0}}')"
    ),
    "decrement_storage_refcounts(text[], text[], text[], bigint[])": (
        f"{_STORAGE} SELECT * FROM decrement_storage_refcounts(ARRAY[{_NO_HASH}], '{{local}}', '{{probe}}', '{{0}}')"
    ),
    # Without objects or tombstones, these lock and write nothing.
    "delete_unreferenced_objects(bigint[], interval, interval, text)": (
        "SELECT * FROM delete_unreferenced_objects('{}', '0', '0', 'probe')"
    ),
    "tombstone_storage_uris(text[], interval, text, text)": (
        "SELECT tombstone_storage_uris('{}', '0', 'expected', 'probe')"
    ),
    "move_storage_object(bigint, text, text, interval, text)": "SELECT move_storage_object(0, '', '', '0', 'probe')",
    "lock_due_tombstones(text, integer)": "SELECT * FROM lock_due_tombstones('', 0)",
    "find_deletion_blocker(bigint, text, text)": "SELECT find_deletion_blocker(0, '', '')",
    "is_storage_uri_in_use(text)": "SELECT is_storage_uri_in_use('')",
    "effective_link_reviews(bigint)": "SELECT count(*) FROM effective_link_reviews(0)",
    "claim_review_slot(text, bigint, interval)": "SELECT count(*) FROM claim_review_slot('probe', 0, '0')",
    "submit_review(uuid, text, text, text, numeric)": (
        "SELECT * FROM submit_review(gen_random_uuid(), 'probe', 'right', NULL, NULL)"
    ),
    "skip_review(uuid, text, text)": "SELECT skip_review(gen_random_uuid(), 'probe', 'probe')",
    "undo_review(bigint, text, interval, interval)": "SELECT * FROM undo_review(0, 'probe', '0', '0')",
    "get_cleanup_candidates(integer, integer)": "SELECT count(*) FROM get_cleanup_candidates(36500, 0)",
    "get_heuristic_precision(text, timestamptz, timestamptz)": "SELECT count(*) FROM get_heuristic_precision('')",
    "can_auto_promote_heuristic(text, numeric, integer)": "SELECT can_auto_promote_heuristic('')",
    "enforce_pivotal_study_card()": _STUDIES,
}
_VIEWS = (
    "heuristic_precision_summary",
    "v_active_us_securities",
    "v_company_canonical",
    "v_company_tickers",
    "v_domain_aliases",
)


# The columns of the model of each table.
Models = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Verification:
    """Result of a verification. `counts` has the rows of tables before and after the run.

    `not_tried` has the routines and models that this server or role cannot try, by reason. `drift` has the names of
    other objects and attributes that differ, such as extra triggers and grants.
    """

    revision: str
    objects: int
    routines: int
    models: int
    counts: Mapping[str, tuple[int, int]]
    outdated: int
    problems: tuple[str, ...]
    not_tried: Mapping[str, Sequence[str]] = field(default_factory=dict)
    drift: Sequence[str] = ()

    @property
    def ok(self) -> bool:
        """True without problems."""
        return not self.problems

    def __str__(self) -> str:
        if not self.ok:
            problems = "\n".join(f"  {problem}" for problem in self.problems)
            return f"Verification against {self.revision} failed:\n{problems}"
        text = f"Verified: {format_quantity(self.objects, 'object')} match {self.revision}, "
        text += f"{self.routines} routines and views run"
        if self.models:
            text += f", {format_quantity(self.models, 'model')} can be read"
        if self.counts:
            rows = sum(before for before, _ in self.counts.values())
            tables = format_quantity(len(self.counts), "changed table")
            text += f", {format_quantity(rows, 'row')} of {tables} kept"
        if self.outdated:
            definitions = format_quantity(self.outdated, "outdated definition")
            text += f"; {definitions} until {compare.REPLACING_REVISION}"
        for reason, names in self.not_tried.items():
            tried = format_quantity(len(names), "routine or model", "routines and models")
            text += f"; not tried: {tried}, because {reason} ({', '.join(names)})"
        if self.drift:
            text += f". Not verified, but drift: {compare.count_differences(self.drift)} in what users add or attach"
            text += f" ({', '.join(self.drift)}), see migrate_alembic --drift"
        return f"{text}."


def verify_database(
    connection: Connection,
    revision: str,
    models: Models | None = None,
    counts: Mapping[str, tuple[int, int]] | None = None,
    lost: Sequence[str] = (),
) -> Verification:
    """Compare the database with a revision, call its routines and read its models. Changes nothing.

    `models` are read at head only. `counts` are the rows of tables before and after a run; fewer rows are a problem.
    `lost` is what roles could do before the run and cannot after it.
    """
    wanted = expected.read_catalog(revision)
    definitions = catalog.read_definitions(connection)
    found = spelling.respell(definitions, [wanted])
    version = bookkeeping.read_version_table(connection).rows
    is_later = bool(version) and revisions.PIPELINES_IDS.issuperset(version)
    is_known = version == (revision,) or (is_later and revision == revisions.LIVE_HEAD)
    problems = [] if is_known else [f"alembic_version holds {', '.join(version) or 'no row'}"]
    outdated, differences = _find_differences(found, wanted, revision)
    not_tried: dict[str, list[str]] = {}
    probes = _probes(wanted)
    failed = [f"{name} fails: {error}" for name, error in _run_probes(connection, probes, not_tried)]
    readable = models if models and revision == revisions.head() else {}
    selects = {table: _build_select(table, columns) for table, columns in readable.items()}
    unreadable = [
        f"the model of {table} cannot be read: {error}" for table, error in _run_probes(connection, selects, not_tried)
    ]
    fewer = [
        f"{table} had {before:,} rows before the run and {after:,} after it; find the session that deleted them"
        for table, (before, after) in (counts or {}).items()
        if after < before
    ]
    # An outdated definition may fail; a later revision replaces it.
    problems += [*differences, *([] if outdated else failed), *unreadable, *fewer, *lost]
    skipped = {name for names in not_tried.values() for name in names}
    ran = len(probes.keys() - skipped) - len(failed)
    read = len(selects.keys() - skipped)
    findings = [] if problems else drift.find_drift(connection, revision, definitions).findings
    names = [f"{each.kind} {each.name}" for each in compare.omit_parts(findings)]
    return Verification(revision, len(wanted), ran, read, counts or {}, outdated, tuple(problems), not_tried, names)


def _find_differences(found: catalog.Catalog, wanted: catalog.Catalog, revision: str) -> tuple[int, list[str]]:
    """Return the number of outdated definitions, and what is missing, different or unfinished."""
    outdated, differences = 0, []
    for finding in compare.find_differences(found, wanted):
        is_replaced = compare.has_pending_replacement(revision) and compare.is_replaceable(finding, found, wanted)
        if finding.expected is not None and finding.found is not None and is_replaced:
            outdated += 1
        elif finding.is_user_setting:
            continue
        elif finding.expected is not None:
            differences.append(finding.description)
    return outdated, differences


def _run_probes(
    connection: Connection, probes: Mapping[str, str | sql.Composed], not_tried: dict[str, list[str]]
) -> Iterator[tuple[str, str]]:
    """Run statements and roll each back; yield those that fail, with the error. Add to `not_tried` by reason."""
    is_owner = session.find_owner(connection) is None
    for name, statement in probes.items():
        try:
            retrying.retry_while_locked(partial(_execute_and_roll_back, connection, statement))
        except psycopg.errors.ReadOnlySqlTransaction:
            not_tried.setdefault("the server or the session is read-only", []).append(name)
        except psycopg.errors.InsufficientPrivilege as error:
            reason = str(error).strip()
            if is_owner and "temporary tables" not in reason:
                yield name, reason
            else:
                not_tried.setdefault(reason, []).append(name)
        except psycopg.Error as error:
            yield name, str(error).strip()


def _execute_and_roll_back(connection: Connection, statement: str | sql.Composed) -> None:
    with connection.transaction(force_rollback=True):
        connection.execute(statement)


def _build_select(table: str, columns: Sequence[str]) -> sql.Composed:
    return sql.SQL("SELECT {} FROM {} LIMIT 0").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier("public", table)
    )


def _probes(wanted: catalog.Catalog) -> dict[str, str]:
    """Return the probes of the routines and views of a revision."""
    functions = {name.partition("(")[0] for kind, name in wanted if kind == "function"}
    probes = {name: probe for name, probe in _PROBES.items() if name.partition("(")[0] in functions}
    views = (name for kind, name in wanted if kind == "relation" and name in _VIEWS)
    return probes | {view: f"SELECT count(*) FROM (SELECT * FROM {view} LIMIT 1) AS v" for view in views}
