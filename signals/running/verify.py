"""Every stored score and every gate of today against the rules: streamed, so that memory stays flat."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from typing import Any

from django.db import transaction

from ncfd_site import sql
from signals.models import Gate, Score
from signals.queries import recorded_ratios
from signals.running.checking_gates import StoredGate, differences_of_gate, is_stale
from signals.running.checking_scores import StoredScore, differences_of_score
from signals.running.values import Difference
from signals.scoring import GATES
from signals.scoring_table import ScoringTable, scoring_table

CHUNK = 2_000
# Shows how far it is: a wrapper around the rows that are gone through.
Watch = Callable[[Iterable[Any]], Iterable[Any]]
Signals = dict[str, tuple[str, datetime]]

_SIGNALS = """
SELECT trial_id, "S_id" AS code, severity, fired_at FROM signals WHERE trial_id = ANY(%s)
"""
_EVALUATED = """
SELECT trial_id, s_id AS code, max(evaluated_at) AS at FROM signal_evaluations WHERE trial_id = ANY(%s) GROUP BY 1, 2
"""
# The score of the run that the gates of a trial name, where it is there: what had frozen, and which gates fired.
_SCORES = """
SELECT s.trial_id, s.features_frozen_at AS frozen_at, s.metadata AS metadata
FROM unnest(%s::integer[], %s::text[]) AS t (trial_id, run_id)
JOIN scores s ON s.trial_id = t.trial_id AND s.run_id = t.run_id
"""


@dataclass(frozen=True, slots=True)
class Deviation:
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
class Looked:
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

    @property
    def gates(self) -> frozenset[str] | None:
        """The gates that it says fired; None where it does not say."""
        # Django's connections give jsonb as text.
        ratios = recorded_ratios(json.loads(self.metadata))
        return None if ratios is None else frozenset(ratios)


def deviations(looked: Looked, run_id: str | None = None, *, watch: Watch = iter) -> Iterator[Deviation]:
    """Go through all scores (or those of one run), then all gates (or those of that run); counts into `looked`."""
    table = scoring_table()
    # One transaction, so that the rows come through a cursor of the server and not all at once.
    with transaction.atomic():
        yield from _scores(looked, run_id, table, watch)
        yield from _gates(looked, run_id, table, watch)


def _scores(looked: Looked, run_id: str | None, table: ScoringTable, watch: Watch) -> Iterator[Deviation]:
    found = Score.objects.order_by() if run_id is None else Score.objects.filter(run_id=run_id).order_by("trial_id")
    fields = StoredScore.__dataclass_fields__
    rows = found.values_list("trial__nct_id", "run_id", *fields).iterator(CHUNK)
    for nct_id, run, *values in watch(rows):
        looked.scores += 1
        for one in differences_of_score(StoredScore(*values), table):
            yield _deviation("scores", nct_id, run, "score", one)


def _gates(looked: Looked, run_id: str | None, table: ScoringTable, watch: Watch) -> Iterator[Deviation]:
    found = (
        Gate.objects.order_by("trial_id", "g_id")
        .select_related("trial")
        .only("trial__nct_id", *(field.name for field in Gate._meta.fields))
    )
    if run_id is not None:
        found = found.filter(metadata__run_id=run_id)
    by_trial = (list(rows) for _, rows in groupby(watch(found.iterator(CHUNK)), key=lambda gate: gate.trial_id))
    while chunk := list(islice(by_trial, CHUNK // 4)):
        yield from _chunk(chunk, looked, table)


def _chunk(chunk: list[list[Gate]], looked: Looked, table: ScoringTable) -> Iterator[Deviation]:
    trials = [rows[0].trial_id for rows in chunk]
    signals: dict[int, Signals] = {trial: {} for trial in trials}
    for one in sql.rows(_SIGNALS, [trials], of=_Signal):
        signals[one.trial_id][one.code] = (one.severity, one.fired_at)
    evaluated: dict[int, dict[str, datetime]] = {trial: {} for trial in trials}
    for done in sql.rows(_EVALUATED, [trials], of=_Evaluated):
        evaluated[done.trial_id][done.code] = done.at
    runs = [_run_of_trial(rows) for rows in chunk]
    scores = {score.trial_id: score for score in sql.rows(_SCORES, [trials, runs], of=_RunScore)}
    for rows in chunk:
        trial_id = rows[0].trial_id
        yield from _of_trial(rows, signals[trial_id], evaluated[trial_id], scores.get(trial_id), looked, table)


def _of_trial(
    rows: list[Gate],
    signals: Signals,
    evaluated: dict[str, datetime],
    score: _RunScore | None,
    looked: Looked,
    table: ScoringTable,
) -> Iterator[Deviation]:
    nct_id, run = rows[0].trial.nct_id, _run_of_trial(rows)
    if run and {row.g_id for row in rows} != set(GATES):
        there = Difference("rows", ", ".join(row.g_id for row in rows), ", ".join(GATES))
        yield _deviation("gates", nct_id, run, "gates", there)
    if len({_run_of(row) for row in rows}) > 1:
        several = ", ".join(sorted({_run_of(row) or "none" for row in rows}))
        yield _deviation("gates", nct_id, run, "gates", Difference("metadata.run_id", several, "one run"))
    told = score.gates if score else None
    for row in rows:
        looked.gates += 1
        stored = StoredGate(
            code=row.g_id,
            fired=row.fired_bool,
            supporting=tuple(row.supporting_s_ids or ()),
            ratio=row.lr_used,
            rationale=row.rationale_text,
            evaluated_at=row.evaluated_at,
            metadata=row.metadata,
            frozen_at=score.frozen_at if score else None,
            signals=signals,
            evaluated_later=frozenset(code for code, at in evaluated.items() if at >= row.evaluated_at),
        )
        looked.stale += is_stale(stored)
        for one in differences_of_gate(stored, table):
            yield _deviation("gates", nct_id, run, row.g_id, one)
        if told is not None and (row.g_id in told) != row.fired_bool:
            says = ["did not fire", "fired"]
            one = Difference("fired_bool", says[row.fired_bool], f"{says[row.g_id in told]}, as its score says")
            yield _deviation("gates", nct_id, run, row.g_id, one)


def _run_of(gate: Gate) -> str:
    return str(gate.metadata.get("run_id") or "") if isinstance(gate.metadata, dict) else ""


def _run_of_trial(rows: list[Gate]) -> str:
    """The run that its gates name; where one does not, what the others say."""
    return next(filter(None, map(_run_of, rows)), "")


def _deviation(table: str, nct_id: str, run: str, row: str, one: Difference) -> Deviation:
    return Deviation(table, nct_id, run, row, one.column, one.stored, one.expected)
