"""Two runs side by side: how each trial moved between them, and what the runs say of why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from ncfd_site import sql
from ncfd_site.paging import ListPage
from signals.models import Score, Trial, TrialStanding
from signals.queries import recorded_ratios
from signals.risk import selection as selecting
from signals.risk.explaining import explanations
from signals.risk.runs import Run, run_before
from signals.risk.selection import LAST_PAGE, NO_PHASE, of_phase
from signals.risk.words import BANDS, Band, band_of, percent, phase_words, points

# The picture is of so many trials: those that the second run holds most likely to fail.
DRAWN = 1_000

# Both runs whole: there is no index on the difference of two runs.
_BY_CHANGE = """
    SELECT later.score_id FROM scores later
    JOIN scores earlier ON earlier.trial_id = later.trial_id AND earlier.run_id = %(a)s
    JOIN trials trial ON trial.trial_id = later.trial_id
    WHERE later.run_id = %(b)s AND {narrowed}
    ORDER BY later.p_fail - earlier.p_fail {direction}, later.trial_id LIMIT %(limit)s OFFSET %(start)s
"""
_MOVEMENTS = """
    SELECT width_bucket(later.p_fail, %(bounds)s::numeric[]) AS place,
           count(*) FILTER (WHERE later.p_fail > earlier.p_fail) AS risen,
           count(*) FILTER (WHERE later.p_fail < earlier.p_fail) AS fallen,
           count(*) FILTER (WHERE later.p_fail = earlier.p_fail) AS same,
           count(*) FILTER (WHERE earlier.p_fail IS NULL) AS new
    FROM (SELECT trial_id, p_fail FROM scores WHERE run_id = %(b)s ORDER BY p_fail DESC, trial_id LIMIT %(drawn)s) later
    LEFT JOIN scores earlier ON earlier.trial_id = later.trial_id AND earlier.run_id = %(a)s
    GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two runs, from `a` to `b`; `is_latest`: the latest run and the one before it."""

    a: str
    b: str
    phase: str
    gate: str
    sort: str
    is_latest: bool

    @property
    def reads_both_whole(self) -> bool:
        """Whether the order can only be had by reading both runs."""
        return self.sort != "risk" and not self.is_latest

    @property
    def is_narrowed(self) -> bool:
        """Whether trials are left out."""
        return bool(self.phase or self.gate)


@dataclass(frozen=True, slots=True)
class Compared:
    """A trial in two runs; `earlier` None: the first of them did not score it."""

    trial: Trial
    later: Score
    earlier: Score | None
    gained: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    why: list[str] = field(default_factory=list)

    @property
    def phase(self) -> str:
        """The phase in words."""
        return phase_words(self.trial.phase)

    @property
    def change(self) -> Decimal | None:
        """The later probability minus the earlier one."""
        return None if self.earlier is None else self.later.p_fail - self.earlier.p_fail

    @property
    def is_new(self) -> bool:
        """Whether the earlier run did not score the trial."""
        return self.earlier is None

    @property
    def bar(self) -> str:
        """The length of the bar of the later probability, in units of its drawing (100 long)."""
        return f"{self.later.p_fail * 100:.1f}"

    @property
    def change_words(self) -> str:
        """The change in points."""
        return "" if self.change is None else points(self.change)

    @property
    def percent_before(self) -> str:
        """The earlier probability."""
        return "" if self.earlier is None else percent(self.earlier.p_fail)

    @property
    def percent(self) -> str:
        """The later probability."""
        return percent(self.later.p_fail)

    @property
    def band(self) -> Band:
        """The band of the later probability."""
        return band_of(self.later.p_fail)


@dataclass(frozen=True, slots=True)
class Movement:
    """How the trials of a band of the later run moved since the earlier one."""

    band: Band
    risen: int
    fallen: int
    same: int
    new: int

    @property
    def total(self) -> int:
        """All trials of the band."""
        return self.risen + self.fallen + self.same + self.new


def chosen(asked: Mapping[str, Any], runs: list[Run]) -> Pair | None:
    """Return the runs to compare: those asked for, else the latest and the one before; None where there are not two."""
    b = asked["b"] or (runs[0].run_id if runs else "")
    earlier = run_before(b, runs)
    a = asked["a"] or (earlier.run_id if earlier else "")
    if not a or not b:
        return None
    is_latest = [run.run_id for run in runs[:2]] == [b, a]
    return Pair(a, b, asked["phase"], asked["gate"], asked["sort"] or "risk", is_latest)


def compared(pair: Pair, number: int) -> ListPage[Compared]:
    """Return page `number` (from 1) of the trials of the later run, each beside its score in the earlier one."""
    size = selecting.PAGE_SIZE
    start = (number - 1) * size
    keys = _keys(pair, start, size + 1)
    scores = Score.objects.in_bulk(keys[:size])
    trials = Trial.objects.in_bulk([score.trial_id for score in scores.values()])
    earlier = {one.trial_id: one for one in Score.objects.filter(run_id=pair.a, trial_id__in=list(trials))}
    # What went away between two statements is left out.
    shown = [scores[key] for key in keys[:size] if key in scores and scores[key].trial_id in trials]
    rows = [_compare(trials[score.trial_id], score, earlier.get(score.trial_id)) for score in shown]
    return ListPage(rows, number, len(keys) > size and number < LAST_PAGE, size, LAST_PAGE)


def movements(pair: Pair) -> list[Movement]:
    """Count how the trials moved that the later run holds most likely to fail, by band of that run."""
    bands = [band for band in BANDS if band.is_scored]
    bounds = sorted(band.low for band in bands if band.low is not None)
    given = {"a": pair.a, "b": pair.b, "bounds": bounds, "drawn": DRAWN}
    counts = {one.place: one for one in sql.rows(_MOVEMENTS, given, of=_Count)}
    found = []
    for place, band in zip(range(len(bands) - 1, -1, -1), bands, strict=True):
        one = counts.get(place, _Count(place, 0, 0, 0, 0))
        found.append(Movement(band, one.risen, one.fallen, one.same, one.new))
    return found


@dataclass(frozen=True, slots=True)
class _Count:
    place: int
    risen: int
    fallen: int
    same: int
    new: int


def _keys(pair: Pair, start: int, limit: int) -> list[int]:
    if pair.sort == "risk":
        scores = _narrowed(Score.objects.filter(run_id=pair.b), pair).order_by("-p_fail", "trial_id")
        return list(scores.values_list("pk", flat=True)[start : start + limit])
    if pair.is_latest:
        return _keys_of_latest(pair, start, limit)
    narrowed, given = ["TRUE"], {"a": pair.a, "b": pair.b, "limit": limit, "start": start}
    if pair.phase:
        narrowed.append("trial.phase IS NULL" if pair.phase == NO_PHASE else "trial.phase = %(phase)s")
        given["phase"] = pair.phase
    if pair.gate:
        narrowed.append(
            "later.metadata @> jsonb_build_object('gates', jsonb_build_object(%(gate)s::text, '{}'::jsonb))"
        )
        given["gate"] = pair.gate
    statement = _BY_CHANGE.format(narrowed=" AND ".join(narrowed), direction="DESC" if pair.sort == "change" else "ASC")
    return [one.score_id for one in sql.rows(statement, given, of=_ScoreKey)]


def _keys_of_latest(pair: Pair, start: int, limit: int) -> list[int]:
    """Of the latest run and the one before, the standings know the change, and have an index on it."""
    standings: QuerySet[Any] = TrialStanding.objects.filter(run_id=pair.b, previous_run_id=pair.a)
    if pair.gate:
        standings = standings.filter(
            trial_id__in=Score.objects.filter(run_id=pair.b, metadata__contains={"gates": {pair.gate: {}}}).values(
                "trial_id"
            )
        )
    standings = _of_phase(standings, pair.phase).filter(change__isnull=False)
    order = selecting.ORDERS["change" if pair.sort == "change" else "-change"]
    return list(standings.order_by(*order).values_list("score_id", flat=True)[start : start + limit])


def _narrowed(scores: QuerySet[Score], pair: Pair) -> QuerySet[Score]:
    if pair.gate:
        scores = scores.filter(metadata__contains={"gates": {pair.gate: {}}})
    return _of_phase(scores, pair.phase)


def _of_phase(rows: QuerySet[Any], phase: str) -> QuerySet[Any]:
    return rows.filter(trial_id__in=Trial.objects.filter(of_phase(phase)).values("pk")) if phase else rows


@dataclass(frozen=True, slots=True)
class _ScoreKey:
    score_id: int


def _compare(trial: Trial, later: Score, earlier: Score | None) -> Compared:
    if earlier is None:
        return Compared(trial, later, None)
    now, then = set(recorded_ratios(later.metadata) or ()), set(recorded_ratios(earlier.metadata) or ())
    return Compared(trial, later, earlier, sorted(now - then), sorted(then - now), explanations(earlier, later))
