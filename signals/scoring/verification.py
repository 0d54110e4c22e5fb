"""Verification of all stored scores and current gates, streamed with constant memory."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache, partial
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from ncfd_site.core import parallel, sql
from ncfd_site.core.progress import NullReporter, ProgressReporter
from signals.formulas import GATES
from signals.models import Gate, Score
from signals.scoring import signatures
from signals.scoring.gate_verification import GateContext, StoredGate, read_recorded_gate, verify_gate
from signals.scoring.run import GateRun, InvalidRunError, list_gate_runs
from signals.scoring.score_verification import COLUMNS, StoredScore, find_score_differences, read_recorded_score
from signals.scoring.values import MISSING, Difference

CHUNK = 2_000
# Ranges of trials that `spread` gets for each table.
PARTS = 16
MAX_TRIAL_ID = 2**31 - 1

_SIGNALS = """
SELECT trial_id, "S_id" AS code, severity, fired_at FROM signals WHERE trial_id = ANY(%s)
"""
_EVALUATED = """
SELECT trial_id, s_id AS code, max(evaluated_at) AS at FROM signal_evaluations WHERE trial_id = ANY(%s) GROUP BY 1, 2
"""
# Scores that the gates are compared with.
_SCORES = """
SELECT s.trial_id, s.features_frozen_at AS frozen_at, s.metadata::text AS metadata
FROM unnest(%s::integer[], %s::text[]) AS t (trial_id, run_id)
JOIN scores s ON s.trial_id = t.trial_id AND s.run_id = t.run_id
"""
_OUTLIERS = """
SELECT t.nct_id, s.metadata ->> 'table_version' AS version, s.metadata ->> 'as_of' AS as_of
FROM scores s JOIN trials t ON t.trial_id = s.trial_id
WHERE s.run_id = %s AND (s.metadata ->> 'table_version', s.metadata ->> 'as_of') IS DISTINCT FROM (%s, %s)
ORDER BY t.nct_id
"""
# Ranges of about equal numbers of trials.
_RANGES = """
SELECT min(trial_id) AS first, max(trial_id) AS last
FROM (SELECT trial_id, ntile(%s) OVER (ORDER BY trial_id) AS part FROM trials) numbered GROUP BY part ORDER BY part
"""
_RUN_EXISTS = """
SELECT EXISTS (SELECT FROM scores WHERE run_id = %(run)s)
    OR EXISTS (SELECT FROM gates WHERE metadata @> jsonb_build_object('run_id', %(run)s::text))
"""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A stored value that is not the expected one, with its row. `run` is empty if a gate names none."""

    table: str
    nct_id: str
    run: str
    row: str
    column: str
    stored: str
    expected: str

    @property
    def sentence(self) -> str:
        """The mismatch as a line of text."""
        run = f", run {self.run}" if self.run else ""
        return f"{self.nct_id}{run}, {self.row}: {self.column} is {self.stored}, expected {self.expected}"


@dataclass
class VerificationCounts:
    """Counts of verified rows."""

    scores: int = 0
    gates: int = 0
    stale: int = 0

    def add(self, other: "VerificationCounts") -> None:
        """Add the counts of other rows."""
        self.scores += other.scores
        self.gates += other.gates
        self.stale += other.stale


@dataclass(frozen=True, slots=True)
class _TrialRange:
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Signal:
    trial_id: int
    code: str
    severity: str
    fired_at: datetime


@dataclass(frozen=True, slots=True)
class _Evaluated:
    trial_id: int
    code: str
    at: datetime


@dataclass(frozen=True, slots=True)
class _RunScore:
    trial_id: int
    frozen_at: datetime | None
    metadata: str


@dataclass(frozen=True, slots=True)
class _Outlier:
    nct_id: str
    version: str | None
    as_of: str | None


# Gets parts and the name of a snapshot; returns the results of `verify_part` in the order of the parts.
Spread = Callable[[Sequence[Mapping[str, Any]], str], Iterable[Mapping[str, Any]]]

# Completeness of the metadata, table version, date of the run.
_Kind = tuple[bool, str | None, str | None]
_Kinds = defaultdict[str, Counter[_Kind]]
# Trial ID, NCT ID, gate.
_TrialGate = tuple[int, str, StoredGate]


@dataclass(frozen=True, slots=True)
class _Part:
    """The trials whose rows in a table are verified, and of which run (None: of all)."""

    table: str
    first: int
    last: int
    run_id: str | None
    now: datetime


def find_mismatches(
    counts: VerificationCounts,
    run_id: str | None = None,
    *,
    workers: int = 1,
    spread: Spread | None = None,
    reporter: ProgressReporter | None = None,
) -> Iterator[Mismatch]:
    """Verify all scores and gates, or those of one run: yield mismatches and update `counts`.

    All rows are read in one snapshot, so a concurrent run causes no mismatch. With several `workers`, processes verify
    ranges of trials; `spread` gives the ranges and the name of the snapshot to other workers. Raises InvalidRunError
    for an unknown run.
    """
    reporter = reporter or NullReporter()
    is_outermost = not connection.in_atomic_block
    # Server-side cursors need a transaction.
    with transaction.atomic():
        if is_outermost:
            sql.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        if run_id is not None and not sql.value(_RUN_EXISTS, {"run": run_id}):
            raise InvalidRunError(f"There is no run {run_id}: no score and no gate names it.")
        now = sql.value("SELECT clock_timestamp()")
        kinds: _Kinds = defaultdict(Counter)
        if workers == 1 and spread is None:
            yield from _verify_scores(counts, kinds, _Part("scores", 0, MAX_TRIAL_ID, run_id, now), reporter)
            yield from _find_outliers(kinds)
            yield from _verify_gates(counts, _Part("gates", 0, MAX_TRIAL_ID, run_id, now), reporter)
            return
        snapshot = sql.value("SELECT pg_export_snapshot()")
        ranges = sql.rows(_RANGES, [PARTS if spread else workers * parallel.PARTS], of=_TrialRange)
        parts = [
            asdict(_Part(table, one.first, one.last, run_id, now)) | {"now": now.isoformat()}
            for table in ("scores", "gates")
            for one in ranges
        ]
        spread = spread or partial(parallel.map_parts, verify_part, workers=workers, reporter=reporter)
        reporter.begin("Verifying scores and gates", len(parts), "ranges of trials")
        for number, result in enumerate(spread(parts, snapshot), start=1):
            counts.add(VerificationCounts(**result["counts"]))
            for run, *kind, count in result["kinds"]:
                kinds[run][tuple(kind)] += count
            yield from (Mismatch(**one) for one in result["mismatches"])
            if number == len(ranges):
                yield from _find_outliers(kinds)


def verify_part(part: Mapping[str, Any]) -> dict[str, Any]:
    """Verify a range of trials; part and result are JSON."""
    one = _Part(**{**part, "now": datetime.fromisoformat(part["now"])})
    counts, kinds, reporter = VerificationCounts(), defaultdict[str, Counter[_Kind]](Counter), NullReporter()
    verify = (
        _verify_scores(counts, kinds, one, reporter) if one.table == "scores" else _verify_gates(counts, one, reporter)
    )
    mismatches = [asdict(mismatch) for mismatch in verify]
    listed = [[run, *kind, count] for run, counter in kinds.items() for kind, count in counter.items()]
    return {"counts": asdict(counts), "kinds": listed, "mismatches": mismatches}


@lru_cache(maxsize=2)
def _get_verified(table: str, now: datetime) -> dict[bytes, Any]:
    """Return what is known of the signatures of rows without mismatches; ranges of one verification share it."""
    return {}


def _verify_scores(
    counts: VerificationCounts, kinds: _Kinds, part: _Part, reporter: ProgressReporter
) -> Iterator[Mismatch]:
    scores = Score.objects.filter(trial_id__gte=part.first, trial_id__lte=part.last)
    scores = scores if part.run_id is None else scores.filter(run_id=part.run_id)
    reporter.begin("Verifying scores", scores.count(), "rows")
    condition = "true" if part.run_id is None else "s.run_id = %(run_id)s ORDER BY s.trial_id"
    query = signatures.SCORES.format(condition=condition)
    # The kind of a score, by signature.
    verified = _get_verified("scores", part.now)
    for rows in sql.stream(query, asdict(part), size=CHUNK):
        if len(verified) > signatures.MAX_SIGNATURES:
            verified.clear()
        stored = _read_scores([score_id for score_id, _, signature in rows if signature not in verified])
        for score_id, run, signature in rows:
            kind = verified.get(signature)
            if kind is None:
                nct_id, score = stored[score_id]
                recorded = read_recorded_score(score.metadata)
                kind = recorded.is_complete, recorded.version, recorded.as_of
                differences = list(find_score_differences(score, part.now))
                yield from (_build_mismatch("scores", nct_id, run, "score", one) for one in differences)
                if not differences:
                    verified[signature] = kind
            kinds[run][kind] += 1
        counts.scores += len(rows)
        reporter.advance(len(rows))


def _read_scores(score_ids: list[int]) -> dict[int, tuple[str, StoredScore]]:
    """Return the NCT IDs and scores by score ID."""
    if not score_ids:
        return {}
    fields = ("trial__nct_id", "features_frozen_at", "scored_at", Cast("metadata", TextField()), *COLUMNS)
    rows = Score.objects.order_by().filter(pk__in=score_ids).values_list("pk", *fields)
    return {
        pk: (nct_id, StoredScore(tuple(columns), frozen_at, scored_at, metadata))
        for pk, nct_id, frozen_at, scored_at, metadata, *columns in rows
    }


def _find_outliers(kinds: _Kinds) -> Iterator[Mismatch]:
    """Yield the scores of runs of score_trials with another table version or date than most of their run."""
    for run, counter in sorted(kinds.items()):
        # The first of equally frequent kinds must not depend on the order of the rows.
        ((is_complete, version, as_of), _), *others = sorted(counter.items(), key=lambda one: (-one[1], str(one[0])))
        if not is_complete or not others:
            continue
        for outlier in sql.rows(_OUTLIERS, [run, version, as_of], of=_Outlier):
            for column, stored, expected in (
                ("table_version", outlier.version, version),
                ("as_of", outlier.as_of, as_of),
            ):
                if stored != expected:
                    usual = f"{expected or MISSING}, as in most of the run"
                    difference = Difference(f"metadata.{column}", stored or MISSING, usual)
                    yield _build_mismatch("scores", outlier.nct_id, run, "score", difference)


def _verify_gates(counts: VerificationCounts, part: _Part, reporter: ProgressReporter) -> Iterator[Mismatch]:
    run_id, now = part.run_id, part.now
    runs = list_gate_runs()
    owner, names = runs[0] if runs else None, [run.run_id for run in runs]
    gates = Gate.objects.filter(trial_id__gte=part.first, trial_id__lte=part.last).order_by("trial_id", "g_id")
    condition = "true"
    if run_id is not None and run_id in names:
        # The current gates belong to the latest run. Those that it did not change name earlier runs.
        gates = gates.filter(metadata__run_id__in=names) if run_id == names[0] else gates.none()
        condition = "metadata ->> 'run_id' = ANY (%(gate_runs)s)" if run_id == names[0] else "false"
    elif run_id is not None:
        gates = gates.filter(metadata__contains={"run_id": run_id})
        condition = "metadata @> jsonb_build_object('run_id', %(run_id)s::text)"
    reporter.begin("Verifying gates", gates.count(), "rows")
    values = {**asdict(part), "gate_runs": names, "owner": owner and owner.run_id}
    values["moment"] = owner and owner.moment
    # The number of stale gates of a trial, by signature.
    verified = _get_verified("gates", now)
    for rows in sql.stream(signatures.build_gates_query(condition), values, size=CHUNK // len(GATES)):
        if len(verified) > signatures.MAX_SIGNATURES:
            verified.clear()
        unknown = {trial_id: signature for trial_id, _, signature in rows if signature not in verified}
        for trial_id, gate_count, signature in rows:
            if trial_id not in unknown:
                counts.gates += gate_count
                counts.stale += verified[signature]
        if unknown:
            chunk = _read_gates(gates.filter(trial_id__in=list(unknown)))
            yield from _verify_chunk(chunk, counts, now, frozenset(names), owner, unknown, verified)
        reporter.advance(sum(gate_count for _, gate_count, _ in rows))


def _read_gates(gates: QuerySet[Gate]) -> list[list[_TrialGate]]:
    """Return the gates by trial."""
    fields = ("fired_bool", "supporting_s_ids", "lr_used", "rationale_text", "evaluated_at")
    rows = gates.values_list("trial_id", "trial__nct_id", "g_id", *fields, Cast("metadata", TextField()))
    stored = (
        (trial_id, nct_id, StoredGate(code, fired, tuple(supporting or ()), *rest))
        for trial_id, nct_id, code, fired, supporting, *rest in rows
    )
    return [list(group) for _, group in groupby(stored, key=itemgetter(0))]


def _verify_chunk(
    chunk: list[list[_TrialGate]],
    counts: VerificationCounts,
    now: datetime,
    gate_runs: frozenset[str],
    owner: GateRun | None,
    unknown: Mapping[int, bytes | None],
    verified: dict[bytes, int],
) -> Iterator[Mismatch]:
    trials = [gates[0][0] for gates in chunk]
    signals: dict[int, dict[str, tuple[str, datetime]]] = defaultdict(dict)
    for signal in sql.rows(_SIGNALS, [trials], of=_Signal):
        signals[signal.trial_id][signal.code] = (signal.severity, signal.fired_at)
    evaluated: dict[int, dict[str, datetime]] = defaultdict(dict)
    for evaluation in sql.rows(_EVALUATED, [trials], of=_Evaluated):
        evaluated[evaluation.trial_id][evaluation.code] = evaluation.at
    # The runs that a trial's gates belong to; a gate without a run takes that of the others.
    named = [{_find_run(one, gate_runs, owner): None for _, _, one in gates} for gates in chunk]
    runs = [next(filter(None, names), "") for names in named]
    scores = {score.trial_id: score for score in sql.rows(_SCORES, [trials, runs], of=_RunScore)}
    for gates, names, run in zip(chunk, named, runs, strict=True):
        trial_id = gates[0][0]
        score = scores.get(trial_id)
        context = GateContext(
            now=now,
            signals=signals.get(trial_id, {}),
            evaluated=evaluated.get(trial_id, {}),
            frozen_at=score.frozen_at if score else None,
            score=score.metadata if score else None,
            evaluated_at=owner.moment if owner and score and run == owner.run_id else None,
        )
        stale = counts.stale
        mismatches = list(_verify_trial(gates, names, run, context, counts))
        yield from mismatches
        signature = unknown[trial_id]
        if signature is not None and not mismatches:
            verified[signature] = counts.stale - stale


def _find_run(gate: StoredGate, gate_runs: frozenset[str], owner: GateRun | None) -> str:
    run = read_recorded_gate(gate.metadata).run
    return owner.run_id if owner and run in gate_runs else run


def _verify_trial(
    gates: list[_TrialGate], runs: Collection[str], run: str, context: GateContext, counts: VerificationCounts
) -> Iterator[Mismatch]:
    nct_id = gates[0][1]
    codes = [gate.code for _, _, gate in gates]
    if run and set(codes) != set(GATES):
        yield _build_mismatch("gates", nct_id, run, "gates", Difference("rows", ", ".join(codes), ", ".join(GATES)))
    if len(runs) > 1:
        names = ", ".join(sorted(name or "none" for name in runs))
        yield _build_mismatch("gates", nct_id, run, "gates", Difference("metadata.run_id", names, "one run"))
    for _, _, gate in gates:
        counts.gates += 1
        check = verify_gate(gate, context)
        counts.stale += check.is_stale
        for difference in check.differences:
            yield _build_mismatch("gates", nct_id, run, gate.code, difference)


def _build_mismatch(table: str, nct_id: str, run: str, row: str, difference: Difference) -> Mismatch:
    return Mismatch(table, nct_id, run, row, **asdict(difference))
