"""Every stored score and every gate of today against the rules: streamed, so that memory stays flat."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from django.db import connection, transaction
from django.db.models import TextField
from django.db.models.functions import Cast

from ncfd_site.core import sql
from ncfd_site.core.progress import NullReporter, ProgressReporter, track
from signals.formulas import GATES
from signals.models import Gate, Score
from signals.scoring.gate_verification import (
    GateContext,
    StoredGate,
    read_recorded_gate,
    verify_gate,
)
from signals.scoring.run import InvalidRunError
from signals.scoring.score_verification import (
    COLUMNS,
    StoredScore,
    find_score_differences,
    read_recorded_score,
)
from signals.scoring.values import MISSING, Difference

CHUNK = 2_000

_SIGNALS = """
SELECT trial_id, "S_id" AS code, severity, fired_at FROM signals WHERE trial_id = ANY(%s)
"""
_EVALUATED = """
SELECT trial_id, s_id AS code, max(evaluated_at) AS at FROM signal_evaluations WHERE trial_id = ANY(%s) GROUP BY 1, 2
"""
# The score of the run that the gates of a trial name, where it is there: what had frozen, and what it saw.
_SCORES = """
SELECT s.trial_id, s.features_frozen_at AS frozen_at, s.metadata::text AS metadata
FROM unnest(%s::integer[], %s::text[]) AS t (trial_id, run_id)
JOIN scores s ON s.trial_id = t.trial_id AND s.run_id = t.run_id
"""
# The scores of a run that say otherwise than most of it by which table and as of which day they were made.
_OTHERS = """
SELECT t.nct_id, s.metadata ->> 'table_version' AS version, s.metadata ->> 'as_of' AS as_of
FROM scores s JOIN trials t ON t.trial_id = s.trial_id
WHERE s.run_id = %s AND (s.metadata ->> 'table_version', s.metadata ->> 'as_of') IS DISTINCT FROM (%s, %s)
ORDER BY t.nct_id
"""
_IS_THERE = """
SELECT EXISTS (SELECT FROM scores WHERE run_id = %(run)s)
    OR EXISTS (SELECT FROM gates WHERE metadata @> jsonb_build_object('run_id', %(run)s::text))
"""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One value of one row that is not what it should be. `run` is empty where a gate names none."""

    table: str
    nct_id: str
    run: str
    row: str
    column: str
    stored: str
    expected: str

    @property
    def sentence(self) -> str:
        """The deviation as a line for a person."""
        run = f", run {self.run}" if self.run else ""
        return f"{self.nct_id}{run}, {self.row}: {self.column} is {self.stored}, expected {self.expected}"


@dataclass
class VerificationCounts:
    """How much was looked at."""

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
class _Other:
    nct_id: str
    version: str | None
    as_of: str | None


# Whether the metadata of a score are those of score_trials, its version of the table, and its day.
_Kind = tuple[bool, str | None, str | None]
# A gate of a trial, as it is read: the number of the trial, its NCT number, and the row.
_GateOf = tuple[int, str, StoredGate]


def find_mismatches(
    looked: VerificationCounts, run_id: str | None = None, *, reporter: ProgressReporter | None = None
) -> Iterator[Mismatch]:
    """Go through all scores (or those of one run), then all gates (or those of that run); counts into `looked`.

    All of it is read as of one moment, so that a run that ends meanwhile is no deviation. Raises `WrongRun` where
    nothing is of that run.
    """
    reporter = reporter or NullReporter()
    is_alone = not connection.in_atomic_block
    # One transaction, so that the rows come through a cursor of the server and not all at once.
    with transaction.atomic():
        if is_alone:
            sql.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        if run_id is not None and not sql.value(_IS_THERE, {"run": run_id}):
            raise InvalidRunError(f"There is no run {run_id}: neither a score nor a gate names it.")
        now = sql.value("SELECT clock_timestamp()")
        yield from _scores(looked, run_id, now, reporter)
        yield from _gates(looked, run_id, now, reporter)


def _scores(
    looked: VerificationCounts, run_id: str | None, now: datetime, reporter: ProgressReporter
) -> Iterator[Mismatch]:
    found = Score.objects.order_by() if run_id is None else Score.objects.filter(run_id=run_id).order_by("trial_id")
    fields = ("trial__nct_id", "run_id", "features_frozen_at", "scored_at", Cast("metadata", TextField()), *COLUMNS)
    runs: defaultdict[str, Counter[_Kind]] = defaultdict(Counter)
    rows = found.values_list(*fields).iterator(CHUNK)
    for nct_id, run, frozen_at, scored_at, metadata, *columns in track(
        rows, reporter, "Verifying scores", unit="rows", total=found.count()
    ):
        looked.scores += 1
        told = read_recorded_score(metadata)
        runs[run][told.is_whole, told.version, told.as_of] += 1
        for one in find_score_differences(StoredScore(tuple(columns), frozen_at, scored_at, metadata), now):
            yield _deviation("scores", nct_id, run, "score", one)
    for run, kinds in sorted(runs.items()):
        yield from _not_of_one_piece(run, kinds)


def _not_of_one_piece(run: str, kinds: Counter[_Kind]) -> Iterator[Mismatch]:
    """A run of score_trials has one version of the table and one day, or none, for all its scores."""
    ((is_whole, version, as_of), _), *others = kinds.most_common()
    if not is_whole or not others:
        return
    for other in sql.rows(_OTHERS, [run, version, as_of], of=_Other):
        for column, has, should in (("table_version", other.version, version), ("as_of", other.as_of, as_of)):
            if has != should:
                one = Difference(f"metadata.{column}", has or MISSING, f"{should or MISSING}, as most of the run")
                yield _deviation("scores", other.nct_id, run, "score", one)


def _gates(
    looked: VerificationCounts, run_id: str | None, now: datetime, reporter: ProgressReporter
) -> Iterator[Mismatch]:
    found = Gate.objects.order_by("trial_id", "g_id")
    if run_id is not None:
        found = found.filter(metadata__contains={"run_id": run_id})
    fields = ("fired_bool", "supporting_s_ids", "lr_used", "rationale_text", "evaluated_at")
    rows = found.values_list("trial_id", "trial__nct_id", "g_id", *fields, Cast("metadata", TextField()))
    read = map(_read, track(rows.iterator(CHUNK), reporter, "Verifying gates", unit="rows", total=found.count()))
    by_trial = (list(gates) for _, gates in groupby(read, key=itemgetter(0)))
    while chunk := list(islice(by_trial, CHUNK // 4)):
        yield from _chunk(chunk, looked, now)


def _read(row: tuple[Any, ...]) -> _GateOf:
    trial_id, nct_id, code, fired, supporting, *rest = row
    return trial_id, nct_id, StoredGate(code, fired, tuple(supporting or ()), *rest)


def _chunk(chunk: list[list[_GateOf]], looked: VerificationCounts, now: datetime) -> Iterator[Mismatch]:
    trials = [gates[0][0] for gates in chunk]
    signals: dict[int, dict[str, tuple[str, datetime]]] = defaultdict(dict)
    for one in sql.rows(_SIGNALS, [trials], of=_Signal):
        signals[one.trial_id][one.code] = (one.severity, one.fired_at)
    evaluated: dict[int, dict[str, datetime]] = defaultdict(dict)
    for done in sql.rows(_EVALUATED, [trials], of=_Evaluated):
        evaluated[done.trial_id][done.code] = done.at
    runs = [_run_of_trial(gates) for gates in chunk]
    scores = {score.trial_id: score for score in sql.rows(_SCORES, [trials, runs], of=_RunScore)}
    for gates, run in zip(chunk, runs, strict=True):
        trial_id, score = gates[0][0], scores.get(gates[0][0])
        known = GateContext(
            now=now,
            signals=signals.get(trial_id, {}),
            evaluated=evaluated.get(trial_id, {}),
            frozen_at=score.frozen_at if score else None,
            score=score.metadata if score else None,
        )
        yield from _of_trial(gates, run, known, looked)


def _of_trial(gates: list[_GateOf], run: str, known: GateContext, looked: VerificationCounts) -> Iterator[Mismatch]:
    nct_id = gates[0][1]
    codes = [gate.code for _, _, gate in gates]
    if run and set(codes) != set(GATES):
        yield _deviation("gates", nct_id, run, "gates", Difference("rows", ", ".join(codes), ", ".join(GATES)))
    named = {read_recorded_gate(gate.metadata).run for _, _, gate in gates}
    if len(named) > 1:
        several = ", ".join(sorted(one or "none" for one in named))
        yield _deviation("gates", nct_id, run, "gates", Difference("metadata.run_id", several, "one run"))
    for _, _, gate in gates:
        looked.gates += 1
        checked = verify_gate(gate, known)
        looked.stale += checked.is_stale
        for one in checked.differences:
            yield _deviation("gates", nct_id, run, gate.code, one)


def _run_of_trial(gates: list[_GateOf]) -> str:
    """The run that its gates name; where one does not, what the others say."""
    return next(filter(None, (read_recorded_gate(gate.metadata).run for _, _, gate in gates)), "")


def _deviation(table: str, nct_id: str, run: str, row: str, one: Difference) -> Mismatch:
    return Mismatch(table, nct_id, run, row, one.column, one.stored, one.expected)
