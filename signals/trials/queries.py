"""A page of the list of trials, and the counts above it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils import timezone

from ncfd_site.core import sql
from ncfd_site.core.formatting import format_capped_count, format_date_distance
from ncfd_site.core.lists import ListPage, get_page_slice, make_page
from signals.models import Score, Trial, TrialCurrentScore
from signals.trials.labels import BANDS, Band
from signals.trials.marks import Marks, load_marks, read_recorded_marks
from signals.trials.run_record import with_readable_metadata
from signals.trials.runs import Run, find_previous_run
from signals.trials.selection import TrialFilter, select_ordered_scores

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


def list_active_tickers(company_ids: Collection[int]) -> dict[int, list[Ticker]]:
    """Return the active tickers of companies and their ultimate parents, by company ID; own tickers first."""
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


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One trial of the list with its score; `change` and `previous_run_id` are None without an earlier score."""

    trial: Trial
    score: TrialCurrentScore | Score
    change: Decimal | None
    previous_run_id: str | None
    marks: Marks
    tickers: list[Ticker]

    @property
    def readout(self) -> str:
        """The distance of the next readout from today; "" if unknown."""
        day = self.trial.est_primary_completion_date
        return format_date_distance(day, timezone.localdate()) if day else ""


@dataclass(frozen=True, slots=True)
class Tile:
    """The number of trials in a band, counted up to a limit."""

    band: Band
    count: int

    @property
    def text(self) -> str:
        """The count, or "more than" the limit."""
        return format_capped_count(self.count, COUNT_LIMIT)


def load_trial_page(selection: TrialFilter, number: int, runs: list[Run], today: date) -> ListPage[TrialRow]:
    """Return page `number` (from 1) of the trials of a selection, in a fixed number of queries."""
    found = select_ordered_scores(selection, today)[get_page_slice(number)]
    page = make_page(with_readable_metadata(found) if selection.run else list(found), number)
    trials = Trial.objects.select_related("sponsor_company").in_bulk([row.trial_id for row in page.rows])
    return page.with_rows(build_trial_rows(page.rows, trials, runs))


def build_trial_rows(
    scores: Sequence[TrialCurrentScore | Score], trials: Mapping[int, Trial], runs: list[Run]
) -> list[TrialRow]:
    """Return the trials of current scores, or of scores of one run, with their badges, tickers and changes.

    `trials` have their sponsors loaded; deleted trials are omitted. `runs` are the latest runs, for the change of the
    scores of one run.
    """
    tickers = list_active_tickers({trial.sponsor_company_id for trial in trials.values() if trial.sponsor_company_id})
    of_run = [score for score in scores if isinstance(score, Score)]
    current = [score for score in scores if isinstance(score, TrialCurrentScore)]
    marks = {score.trial_id: read_recorded_marks(score) for score in of_run} or load_marks(
        [score.trial_id for score in current], [score.score_id for score in current if score.score_id]
    )
    changes = _changes_since_previous_run(of_run, runs) if of_run else {}
    changes |= {score.trial_id: (score.change, score.previous_run_id) for score in current}
    return [
        TrialRow(
            trials[score.trial_id],
            score,
            *changes.get(score.trial_id, (None, None)),
            marks.get(score.trial_id, Marks()),
            tickers.get(trials[score.trial_id].sponsor_company_id or 0, []),
        )
        for score in scores
        if score.trial_id in trials
    ]


def _changes_since_previous_run(
    scores: Sequence[Score], runs: list[Run]
) -> dict[int, tuple[Decimal | None, str | None]]:
    previous = find_previous_run(scores[0].run_id, runs)
    if previous is None:
        return {}
    earlier = Score.objects.filter(run_id=previous.run_id, trial_id__in=[score.trial_id for score in scores])
    p_fail = dict(earlier.values_list("trial_id", "p_fail"))
    return {
        score.trial_id: (score.p_fail - p_fail[score.trial_id], previous.run_id)
        for score in scores
        if score.trial_id in p_fail
    }


def count_by_band(run_id: str) -> list[Tile]:
    """Count the trials of each risk band, up to `COUNT_LIMIT`, in a run ("": by current score)."""
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


def format_scored_count(counted: Sequence[Tile]) -> str:
    """Return the total of the bands of scored trials: "11,960", or "more than …" above the limit."""
    counts = [tile.count for tile in counted if tile.band.is_scored]
    more = "more than " if any(count > COUNT_LIMIT for count in counts) else ""
    return f"{more}{sum(min(count, COUNT_LIMIT) for count in counts):,}"


@dataclass(frozen=True, slots=True)
class _Count:
    place: int
    count: int
