"""Verification of all stored scores and current gates, streamed with constant memory."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import groupby, islice
from operator import itemgetter

from django.db import connection, transaction
from django.db.models import TextField
from django.db.models.functions import Cast

from ncfd_site.core import sql
from ncfd_site.core.progress import NullReporter, ProgressReporter, track
from signals.formulas import GATES
from signals.models import Gate, Score
from signals.scoring.gate_verification import GateContext, StoredGate, read_recorded_gate, verify_gate
from signals.scoring.run import GateRun, InvalidRunError, list_gate_runs
from signals.scoring.score_verification import COLUMNS, StoredScore, find_score_differences, read_recorded_score
from signals.scoring.values import MISSING, Difference

CHUNK = 2_000

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


# Completeness of the metadata, table version, date of the run.
_Kind = tuple[bool, str | None, str | None]
# Trial ID, NCT ID, gate.
_TrialGate = tuple[int, str, StoredGate]


def find_mismatches(
    counts: VerificationCounts, run_id: str | None = None, *, reporter: ProgressReporter | None = None
) -> Iterator[Mismatch]:
    """Verify all scores and gates, or those of one run: yield mismatches and update `counts`.

    All rows are read in one snapshot, so a concurrent run causes no mismatch. Raises InvalidRunError for an unknown
    run.
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
        yield from _verify_scores(counts, run_id, now, reporter)
        yield from _verify_gates(counts, run_id, now, reporter)


def _verify_scores(
    counts: VerificationCounts, run_id: str | None, now: datetime, reporter: ProgressReporter
) -> Iterator[Mismatch]:
    scores = Score.objects.order_by() if run_id is None else Score.objects.filter(run_id=run_id).order_by("trial_id")
    fields = ("trial__nct_id", "run_id", "features_frozen_at", "scored_at", Cast("metadata", TextField()), *COLUMNS)
    kinds: defaultdict[str, Counter[_Kind]] = defaultdict(Counter)
    rows = scores.values_list(*fields).iterator(CHUNK)
    for nct_id, run, frozen_at, scored_at, metadata, *columns in track(
        rows, reporter, "Verifying scores", unit="rows", total=scores.count()
    ):
        counts.scores += 1
        recorded = read_recorded_score(metadata)
        kinds[run][recorded.is_complete, recorded.version, recorded.as_of] += 1
        for difference in find_score_differences(StoredScore(tuple(columns), frozen_at, scored_at, metadata), now):
            yield _build_mismatch("scores", nct_id, run, "score", difference)
    for run, counter in sorted(kinds.items()):
        yield from _find_outliers(run, counter)


def _find_outliers(run: str, kinds: Counter[_Kind]) -> Iterator[Mismatch]:
    """Yield the scores of a run of score_trials with another table version or date than most of the run."""
    ((is_complete, version, as_of), _), *others = kinds.most_common()
    if not is_complete or not others:
        return
    for outlier in sql.rows(_OUTLIERS, [run, version, as_of], of=_Outlier):
        for column, stored, expected in (("table_version", outlier.version, version), ("as_of", outlier.as_of, as_of)):
            if stored != expected:
                usual = f"{expected or MISSING}, as in most of the run"
                difference = Difference(f"metadata.{column}", stored or MISSING, usual)
                yield _build_mismatch("scores", outlier.nct_id, run, "score", difference)


def _verify_gates(
    counts: VerificationCounts, run_id: str | None, now: datetime, reporter: ProgressReporter
) -> Iterator[Mismatch]:
    gates = Gate.objects.order_by("trial_id", "g_id")
    runs = list_gate_runs()
    names = frozenset(run.run_id for run in runs)
    if run_id is not None and run_id in names:
        # The current gates belong to the latest run. Those that it did not change name earlier runs.
        gates = gates.filter(metadata__run_id__in=names) if run_id == runs[0].run_id else gates.none()
    elif run_id is not None:
        gates = gates.filter(metadata__contains={"run_id": run_id})
    fields = ("fired_bool", "supporting_s_ids", "lr_used", "rationale_text", "evaluated_at")
    rows = gates.values_list("trial_id", "trial__nct_id", "g_id", *fields, Cast("metadata", TextField()))
    tracked = track(rows.iterator(CHUNK), reporter, "Verifying gates", unit="rows", total=gates.count())
    stored = (
        (trial_id, nct_id, StoredGate(code, fired, tuple(supporting or ()), *rest))
        for trial_id, nct_id, code, fired, supporting, *rest in tracked
    )
    by_trial = (list(group) for _, group in groupby(stored, key=itemgetter(0)))
    while chunk := list(islice(by_trial, CHUNK // len(GATES))):
        yield from _verify_chunk(chunk, counts, now, names, runs[0] if runs else None)


def _verify_chunk(
    chunk: list[list[_TrialGate]],
    counts: VerificationCounts,
    now: datetime,
    gate_runs: frozenset[str],
    owner: GateRun | None,
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
        yield from _verify_trial(gates, names, run, context, counts)


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
