"""The comparison of two runs: the change of each trial and its recorded cause."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from django.db.models import QuerySet

from ncfd_site.core import sql
from ncfd_site.core.lists import ListPage, get_page_slice, make_page
from signals.models import Score, Trial, TrialCurrentScore
from signals.queries import read_recorded_ratios
from signals.trials import selection as selecting
from signals.trials.labels import BANDS, Band, format_phase
from signals.trials.marks import is_prior_only
from signals.trials.queries import Ticker, list_active_tickers
from signals.trials.run_record import explain_change, with_readable_metadata
from signals.trials.runs import Run, find_previous_run
from signals.trials.selection import NO_PHASE, build_phase_condition

# Trials in the chart: those with the highest P(failure) in the second run.
DRAWN = 1_000

# Removed trials that are listed.
MAX_REMOVED = 12

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
_REMOVED = """
    WITH drawn AS (
        SELECT trial_id, p_fail FROM scores WHERE run_id = %(a)s ORDER BY p_fail DESC, trial_id LIMIT %(drawn)s
    )
    SELECT trial.nct_id, earlier.p_fail, (SELECT count(*) FROM drawn) AS drawn
    FROM drawn earlier
    JOIN trials trial ON trial.trial_id = earlier.trial_id
    WHERE NOT EXISTS (SELECT FROM scores later WHERE later.trial_id = earlier.trial_id AND later.run_id = %(b)s)
    ORDER BY earlier.p_fail DESC, earlier.trial_id
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
    def is_narrowed(self) -> bool:
        """True if trials are left out."""
        return bool(self.phase or self.gate)

    @property
    def narrowed_words(self) -> str:
        """The filter in words."""
        phase = "phase unknown" if self.phase == NO_PHASE else format_phase(self.phase) if self.phase else ""
        gate = f"gate {self.gate} fired in {self.b}" if self.gate else ""
        return ", ".join(words for words in (phase, gate) if words)


@dataclass(frozen=True, slots=True)
class ComparedGate:
    """A gate that fired in one run or in both."""

    code: str
    state: Literal["kept", "gained", "lost"]


@dataclass(frozen=True, slots=True)
class Compared:
    """A trial in two runs; `earlier` None: the first of them did not score it.

    `gates` are those of both runs; `has_gates` is false where one of the runs recorded none: `gates` is empty.
    """

    trial: Trial
    later: Score
    earlier: Score | None
    gates: list[ComparedGate]
    has_gates: bool
    why: list[str]
    tickers: Sequence[Ticker]

    @property
    def change(self) -> Decimal | None:
        """The later probability minus the earlier one."""
        return None if self.earlier is None else self.later.p_fail - self.earlier.p_fail

    @property
    def is_prior_only(self) -> bool:
        """True if the later score is only the prior of the phase."""
        return is_prior_only(self.later)


@dataclass(frozen=True, slots=True)
class RemovedTrial:
    """A trial of the earlier run that is missing in the later run."""

    nct_id: str
    p_fail: Decimal
    drawn: int


@dataclass(frozen=True, slots=True)
class RemovedTrials:
    """The removed trials, riskiest first, and their count.

    `is_cut`: the earlier run has or may have more trials than were read.
    """

    trials: list[RemovedTrial]
    count: int
    is_cut: bool

    @property
    def others(self) -> int:
        """The count of trials that are not listed."""
        return self.count - len(self.trials)


@dataclass(frozen=True, slots=True)
class Movement:
    """The changes of the trials in one band of the later run."""

    band: Band
    risen: int
    fallen: int
    same: int
    new: int

    @property
    def total(self) -> int:
        """All trials of the band."""
        return self.risen + self.fallen + self.same + self.new


def choose_runs(asked: Mapping[str, Any], runs: list[Run]) -> Pair | None:
    """Return the two runs that a form asks for (default: the latest two); None if there are fewer than two."""
    b = asked["b"] or (runs[0].run_id if runs else "")
    earlier = find_previous_run(b, runs)
    a = asked["a"] or (earlier.run_id if earlier else "")
    if not a or not b:
        return None
    is_latest = [run.run_id for run in runs[:2]] == [b, a]
    return Pair(a, b, asked["phase"], asked["gate"], asked.get("order") or asked.get("sort") or "risk", is_latest)


def load_comparison(pair: Pair, number: int) -> ListPage[Compared]:
    """Return page `number` (from 1) of the trials of the later run, each with its score in the earlier run."""
    page = make_page(_list_score_keys(pair, get_page_slice(number)), number)
    scores = {score.pk: score for score in with_readable_metadata(Score.objects.filter(pk__in=page.rows))}
    trials = Trial.objects.select_related("sponsor_company").in_bulk([score.trial_id for score in scores.values()])
    then = with_readable_metadata(Score.objects.filter(run_id=pair.a, trial_id__in=list(trials)))
    earlier = {one.trial_id: one for one in then}
    tickers = list_active_tickers({trial.sponsor_company_id for trial in trials.values() if trial.sponsor_company_id})
    # Rows deleted between two statements are omitted.
    shown = [scores[key] for key in page.rows if key in scores and scores[key].trial_id in trials]
    rows = [
        compare_scores(
            score,
            earlier.get(score.trial_id),
            trials[score.trial_id],
            tickers.get(trials[score.trial_id].sponsor_company_id or 0, []),
        )
        for score in shown
    ]
    return page.with_rows(rows)


def find_removed_trials(pair: Pair) -> RemovedTrials:
    """Return the riskiest trials of the earlier run that are missing in the later run."""
    found = sql.rows(_REMOVED, {"a": pair.a, "b": pair.b, "drawn": DRAWN}, of=RemovedTrial)
    return RemovedTrials(found[:MAX_REMOVED], len(found), any(one.drawn >= DRAWN for one in found))


def count_movements(pair: Pair) -> list[Movement]:
    """Count rises, falls, equal and new scores among the riskiest trials of the later run, by band."""
    bands = [band for band in BANDS if band.is_scored]
    bounds = sorted(band.low for band in bands if band.low is not None)
    given = {"a": pair.a, "b": pair.b, "bounds": bounds, "drawn": DRAWN}
    counts = {one.place: one for one in sql.rows(_MOVEMENTS, given, of=_Count)}
    found = []
    # The lowest band is place 0.
    for place, band in zip(reversed(range(len(bands))), bands, strict=True):
        one = counts.get(place, _Count(place))
        found.append(Movement(band, one.risen, one.fallen, one.same, one.new))
    return found


@dataclass(frozen=True, slots=True)
class _Count:
    place: int
    risen: int = 0
    fallen: int = 0
    same: int = 0
    new: int = 0


def _list_score_keys(pair: Pair, page: slice) -> list[int]:
    if pair.sort == "risk":
        scores = _filter_by_phase(select_scores_with_gate(pair), pair.phase).order_by("-p_fail", "trial_id")
        return list(scores.values_list("pk", flat=True)[page])
    if pair.is_latest:
        return _list_latest_score_keys(pair, page)
    narrowed, given = ["TRUE"], {"a": pair.a, "b": pair.b, "limit": page.stop - page.start, "start": page.start}
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


def _list_latest_score_keys(pair: Pair, page: slice) -> list[int]:
    """Return the score IDs from the current scores, whose change has an index."""
    current_scores: QuerySet[Any] = TrialCurrentScore.objects.filter(run_id=pair.b, previous_run_id=pair.a)
    if pair.gate:
        current_scores = current_scores.filter(trial_id__in=select_scores_with_gate(pair).values("trial_id"))
    current_scores = _filter_by_phase(current_scores, pair.phase).filter(change__isnull=False)
    order = selecting.ORDERS["change" if pair.sort == "change" else "-change"]
    return list(current_scores.order_by(*order).values_list("score_id", flat=True)[page])


def select_scores_with_gate(pair: Pair) -> QuerySet[Score]:
    """Return the scores of the later run; if the pair has a gate, only those where it fired."""
    scores = Score.objects.filter(run_id=pair.b)
    return scores.filter(metadata__contains={"gates": {pair.gate: {}}}) if pair.gate else scores


def _filter_by_phase(rows: QuerySet[Any], phase: str) -> QuerySet[Any]:
    return rows.filter(trial_id__in=Trial.objects.filter(build_phase_condition(phase)).values("pk")) if phase else rows


@dataclass(frozen=True, slots=True)
class _ScoreKey:
    score_id: int


def compare_scores(later: Score, earlier: Score | None, trial: Trial, tickers: Sequence[Ticker] = ()) -> Compared:
    """Compare two scores of a trial: their gates and the causes of the change. `later` may be the only score."""
    now = read_recorded_ratios(later.metadata)
    then = now if earlier is None else read_recorded_ratios(earlier.metadata)
    is_recorded = now is not None and then is not None
    now, then = now or {}, then or {}
    gates = [
        ComparedGate(code, "lost" if code not in now else "kept" if code in then else "gained")
        for code in (sorted({*now, *then}) if is_recorded else ())
    ]
    why = explain_change(earlier, later) if earlier else []
    return Compared(trial, later, earlier, gates, is_recorded, why, tickers)
