"""A page of the list of trials, and the counts above it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ncfd_site.core import sql
from ncfd_site.core.formatting import format_date_distance, format_percent, format_points
from ncfd_site.core.lists import ListPage, get_page_slice, make_page
from securities.models import Company
from signals.models import Score, Trial, TrialCurrentScore
from signals.trials.marks import Marks, marks_of, recorded_marks
from signals.trials.run_record import with_readable_metadata
from signals.trials.runs import Run, run_before
from signals.trials.selection import TrialFilter, listed
from signals.trials.words import (
    BANDS,
    Band,
    band_of,
    phase_words,
    status_words,
)

# The view of canonical companies walks all of them, so it is asked only where one of these has a parent. An identifier
# from elsewhere is no key of a security.
_TICKERS = """
    WITH canonical AS (
        SELECT found.company_id, found.canonical_id FROM v_company_canonical found
        WHERE found.company_id = ANY(%(ids)s) AND EXISTS (
            SELECT FROM company_relationships WHERE child_company_id = ANY(%(ids)s) AND end_date IS NULL
        )
    ), holders AS (
        SELECT company_id, company_id AS holder_id FROM unnest(%(ids)s::bigint[]) given (company_id)
        UNION SELECT company_id, canonical_id FROM canonical
    )
    SELECT DISTINCT holders.company_id, security.ticker, holders.holder_id <> holders.company_id AS is_parents,
           holder.name AS holder
    FROM holders
    JOIN company_securities link ON link.company_id = holders.holder_id
    JOIN securities security
      ON security.security_id = CASE WHEN link.security_id ~ '^[0-9]{1,9}$' THEN link.security_id::integer END
    JOIN companies holder ON holder.company_id = holders.holder_id
    WHERE security.status = 'active'
    ORDER BY 1, 3, 2
"""


@dataclass(frozen=True, slots=True)
class Ticker:
    """A ticker of a company or of its ultimate parent."""

    company_id: int
    ticker: str
    is_parents: bool
    holder: str


def tickers_of(company_ids: Collection[int]) -> dict[int, list[Ticker]]:
    """Return the active tickers of companies and of those at the top above them, by company; own ones first."""
    found: dict[int, list[Ticker]] = {}
    if not company_ids:
        return found
    for one in sql.rows(_TICKERS, {"ids": sorted(company_ids)}, of=Ticker):
        known = found.setdefault(one.company_id, [])
        if all(other.ticker != one.ticker for other in known):
            known.append(one)
    return found


# Tiles count up to this limit, so that their cost does not grow with the table.
COUNT_LIMIT = 10_000
NO_MARKS = Marks()


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
        """The distance of the next readout from today; "" if unknown."""
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
        """True if no score comes before this one."""
        return self.p_fail is not None and self.change is None

    @property
    def change_words(self) -> str:
        """The change in points."""
        return "" if self.change is None else format_points(self.change)


@dataclass(frozen=True, slots=True)
class Tile:
    """The number of trials in a band, counted up to a limit."""

    band: Band
    count: int

    @property
    def is_more(self) -> bool:
        """True if there are more than were counted."""
        return self.count > COUNT_LIMIT

    @property
    def shown(self) -> int:
        """The number to show: the count, or the limit."""
        return min(self.count, COUNT_LIMIT)


def trial_page(selection: TrialFilter, number: int, runs: list[Run], today: date) -> ListPage[TrialRow]:
    """Return page `number` (from 1) of a selection, in a fixed number of queries."""
    found = listed(selection, today)[get_page_slice(number)]
    page = make_page(with_readable_metadata(found) if selection.run else list(found), number)
    return page.with_rows(_filled(selection, page.rows, runs, today))


def tiles(run_id: str) -> list[Tile]:
    """Count the trials of each band, current or in a run, up to the limit."""
    table, where, given = "trial_current_scores", "TRUE", {"limit": COUNT_LIMIT + 1, "run": run_id}
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
    """Return the number of scored trials in words, from the tiles."""
    bands = [tile for tile in counted if tile.band.is_scored]
    more = "more than " if any(tile.is_more for tile in bands) else ""
    return f"{more}{sum(tile.shown for tile in bands):,}"


def has_trials() -> bool:
    """Return True if any trial is loaded."""
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
    # Trials deleted between two statements are omitted.
    for row in (row for row in rows if row.trial_id in trials):
        change = row.change if isinstance(row, TrialCurrentScore) else _difference(row.p_fail, before.get(row.trial_id))
        filled.append(
            TrialRow(
                trial=trials[row.trial_id],
                p_fail=row.p_fail,
                change=change,
                run_id=row.run_id,
                marks=marks.get(row.trial_id, NO_MARKS),
                tickers=tickers.get(trials[row.trial_id].sponsor_company_id or 0, []),
                today=today,
            )
        )
    return filled


def _marks(rows: Sequence[TrialCurrentScore | Score]) -> dict[int, Marks]:
    recorded = {row.trial_id: recorded_marks(row.metadata) for row in rows if isinstance(row, Score)}
    current = [row for row in rows if isinstance(row, TrialCurrentScore)]
    return recorded or marks_of([row.trial_id for row in current], [row.score_id for row in current if row.score_id])


def _before(run_id: str, rows: Sequence[TrialCurrentScore | Score], runs: list[Run]) -> dict[int, Decimal]:
    earlier = run_before(run_id, runs)
    if earlier is None:
        return {}
    scores = Score.objects.filter(run_id=earlier.run_id, trial_id__in=[row.trial_id for row in rows])
    return dict(scores.values_list("trial_id", "p_fail"))


def _difference(p_fail: Decimal, before: Decimal | None) -> Decimal | None:
    return None if before is None else p_fail - before
