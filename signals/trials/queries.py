"""One page of the list of trials by risk, and the numbers above it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ncfd_site.core import sql
from ncfd_site.core.formatting import format_date_distance, format_percent, format_points
from ncfd_site.core.lists import ListPage, get_page_slice, make_page
from securities.models import Company
from signals.models import Score, Trial, TrialCurrentScore
from signals.trials.marks import Marks, marks_of, recorded_marks
from signals.trials.metadata import with_readable_metadata
from signals.trials.runs import Run, run_before
from signals.trials.selection import TrialFilter, listed
from signals.trials.tickers import Ticker, tickers_of
from signals.trials.words import (
    BANDS,
    Band,
    band_of,
    phase_words,
    status_words,
)

# No tile counts further: what grows with the table is not counted at each visit.
MOST_COUNTED = 10_000
NOTHING = Marks()


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One trial of the list; `p_fail` None: not scored; `change` None: no score before."""

    trial: Trial
    p_fail: Decimal | None
    change: Decimal | None
    run_id: str | None
    marks: Marks
    tickers: list[Ticker]
    today: date

    @property
    def company(self) -> Company | None:
        """The company that the sponsor is, where it is known."""
        return self.trial.sponsor_company

    @property
    def phase(self) -> str:
        """The phase in words."""
        return phase_words(self.trial.phase)

    @property
    def status(self) -> str:
        """The status in words."""
        return status_words(self.trial.status)

    @property
    def readout(self) -> str:
        """How far the next readout is from today; "" where its date is unknown."""
        day = self.trial.est_primary_completion_date
        return format_date_distance(day, self.today) if day else ""

    @property
    def band(self) -> Band:
        """The band of the probability."""
        return band_of(self.p_fail)

    @property
    def percent(self) -> str:
        """The probability in percent; "" where there is none."""
        return "" if self.p_fail is None else format_percent(self.p_fail)

    @property
    def bar(self) -> str:
        """The length of the bar of the probability, in units of its drawing (100 long)."""
        return f"{(self.p_fail or 0) * 100:.1f}"

    @property
    def is_new(self) -> bool:
        """Whether no score comes before this one."""
        return self.p_fail is not None and self.change is None

    @property
    def change_words(self) -> str:
        """The change in points."""
        return "" if self.change is None else format_points(self.change)


@dataclass(frozen=True, slots=True)
class Tile:
    """How many trials stand in a band, counted up to a limit."""

    band: Band
    count: int

    @property
    def is_more(self) -> bool:
        """Whether there are more than were counted."""
        return self.count > MOST_COUNTED

    @property
    def shown(self) -> int:
        """The number to show: the count, or the limit."""
        return min(self.count, MOST_COUNTED)


def trial_page(selection: TrialFilter, number: int, runs: list[Run], today: date) -> ListPage[TrialRow]:
    """Return page `number` (from 1) of a selection with all that a row shows, in a fixed number of queries."""
    found = listed(selection, today)[get_page_slice(number)]
    page = make_page(with_readable_metadata(found) if selection.run else list(found), number)
    return page.with_rows(_filled(selection, page.rows, runs, today))


def tiles(run_id: str) -> list[Tile]:
    """Count the trials of each band, as they stand or in a run: no more of each than the limit."""
    table, where, given = "trial_current_scores", "TRUE", {"limit": MOST_COUNTED + 1, "run": run_id}
    if run_id:
        table, where = "scores", "run_id = %(run)s"
    counts = []
    for at, band in enumerate(BANDS):
        bounds = [where]
        if not band.is_scored:
            bounds.append("p_fail IS NULL")
        if band.low is not None:
            bounds.append(f"p_fail >= {band.low}")
        if band.high is not None:
            bounds.append(f"p_fail < {band.high}")
        counts.append(
            f"SELECT {at} AS place, count(*) AS count"  # noqa: S608 (constants of this module)
            f" FROM (SELECT FROM {table} WHERE {' AND '.join(bounds)} LIMIT %(limit)s) counted"
        )
    found = sql.rows(" UNION ALL ".join(counts), given, of=_Count)
    return [Tile(BANDS[one.place], one.count) for one in sorted(found, key=lambda one: one.place)]


def scored(counted: Sequence[Tile]) -> str:
    """Return how many trials have a score, in words, as far as the tiles counted."""
    bands = [tile for tile in counted if tile.band.is_scored]
    more = "more than " if any(tile.is_more for tile in bands) else ""
    return f"{more}{sum(tile.shown for tile in bands):,}"


def has_trials() -> bool:
    """Whether any trial is loaded at all."""
    return Trial.objects.exists()


@dataclass(frozen=True, slots=True)
class _Count:
    place: int
    count: int


def _filled(
    selection: TrialFilter, rows: Sequence[TrialCurrentScore | Score], runs: list[Run], today: date
) -> list[TrialRow]:
    trials = Trial.objects.select_related("sponsor_company").in_bulk([row.trial_id for row in rows])
    tickers = tickers_of({trial.sponsor_company_id for trial in trials.values() if trial.sponsor_company_id})
    marks = _marks(rows)
    before = _before(selection.run, rows, runs) if selection.run else {}
    filled = []
    # A trial that went away between two statements is left out.
    for row in (row for row in rows if row.trial_id in trials):
        change = row.change if isinstance(row, TrialCurrentScore) else _difference(row.p_fail, before.get(row.trial_id))
        filled.append(
            TrialRow(
                trial=trials[row.trial_id],
                p_fail=row.p_fail,
                change=change,
                run_id=row.run_id,
                marks=marks.get(row.trial_id, NOTHING),
                tickers=tickers.get(trials[row.trial_id].sponsor_company_id or 0, []),
                today=today,
            )
        )
    return filled


def _marks(rows: Sequence[TrialCurrentScore | Score]) -> dict[int, Marks]:
    recorded = {row.trial_id: recorded_marks(row.metadata) for row in rows if isinstance(row, Score)}
    standing = [row for row in rows if isinstance(row, TrialCurrentScore)]
    return recorded or marks_of([row.trial_id for row in standing], [row.score_id for row in standing if row.score_id])


def _before(run_id: str, rows: Sequence[TrialCurrentScore | Score], runs: list[Run]) -> dict[int, Decimal]:
    earlier = run_before(run_id, runs)
    if earlier is None:
        return {}
    scores = Score.objects.filter(run_id=earlier.run_id, trial_id__in=[row.trial_id for row in rows])
    return dict(scores.values_list("trial_id", "p_fail"))


def _difference(p_fail: Decimal, before: Decimal | None) -> Decimal | None:
    return None if before is None else p_fail - before
