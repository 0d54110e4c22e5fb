"""A page of the list of trials, and the counts above it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import QuerySet

from ncfd_site.core import sql
from ncfd_site.core.charts.risk_bar import BAND_LIMITS
from ncfd_site.core.formatting import format_capped_count
from ncfd_site.core.lists import COUNT_LIMIT, ListPage, get_page_slice, make_page
from signals.models import Score, Trial, TrialCurrentScore
from signals.trials.labels import BANDS, Band
from signals.trials.marks import IS_PRIOR_ONLY, Marks, load_marks, read_recorded_marks
from signals.trials.run_record import with_readable_metadata
from signals.trials.runs import Run, find_previous_run
from signals.trials.search import Found
from signals.trials.selection import (
    TrialFilter,
    build_band_condition,
    leave_out_unknown,
    select_ordered_scores,
    select_scores,
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


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One trial of the list with its score; `change` and `previous_run_id` are None without an earlier score."""

    trial: Trial
    score: TrialCurrentScore | Score
    change: Decimal | None
    previous_run_id: str | None
    marks: Marks
    tickers: list[Ticker]


@dataclass(frozen=True, slots=True)
class Tile:
    """The number of trials in a band, counted up to a limit, and the address of the list of these trials."""

    band: Band
    count: int
    url: str
    is_chosen: bool

    @property
    def text(self) -> str:
        """The count, or "more than" the limit."""
        return format_capped_count(self.count, COUNT_LIMIT)


@dataclass(frozen=True, slots=True)
class Counts:
    """The trials of a selection by band, regardless of the bands that it selects.

    `total` is the number of selected trials, up to one more than the limit. `priors` is the number of those whose
    score is only the prior of the phase, None above the limit.
    """

    tiles: list[Tile]
    total: int
    priors: int | None


def load_trial_page(
    selection: TrialFilter, number: int, runs: list[Run], today: date, found_texts: Found, total: int
) -> ListPage[TrialRow]:
    """Return page `number` (from 1) of the `total` trials of a selection, in a fixed number of queries."""
    found = select_ordered_scores(selection, today, found_texts, is_short=total <= COUNT_LIMIT)[get_page_slice(number)]
    page = make_page(with_readable_metadata(found) if selection.run else list(found), number, total=total)
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


_COUNTS = f"""
    WITH found AS MATERIALIZED ({{found}})
    SELECT CASE WHEN p_fail IS NULL THEN {len(BANDS) - 1}
                ELSE {len(BANDS) - 2} - width_bucket(p_fail, ARRAY[{", ".join(map(str, BAND_LIMITS))}]::numeric[])
           END AS place, count(*) AS count, count(*) FILTER (WHERE is_prior) AS priors
    FROM (
        SELECT found.p_fail, (SELECT {IS_PRIOR_ONLY} FROM scores WHERE scores.score_id = found.score_id
                              AND (SELECT count(*) FROM found) <= {COUNT_LIMIT}) AS is_prior
        FROM found
    ) scored GROUP BY 1
"""  # noqa: S608 (constants of other modules)


def count_trials(selection: TrialFilter, today: date, found_texts: Found) -> Counts:
    """Count the trials of a selection by band, in one query up to the limit, in two above it."""
    rows = leave_out_unknown(select_scores(replace(selection, band=()), today, found_texts), selection).order_by()
    query, given = _limit(rows.values("score_id", "p_fail"))
    found = {one.place: one for one in sql.rows(_COUNTS.format(found=query), given, of=_Count)}
    if sum(one.count for one in found.values()) > COUNT_LIMIT:
        parts = [_limit(rows.filter(build_band_condition(band.name)).values("pk")) for band in BANDS]
        counted = " UNION ALL ".join(
            f"SELECT {place} AS place, count(*) AS count, NULL AS priors FROM ({part}) band"  # noqa: S608
            for place, (part, _) in enumerate(parts)
        )
        given = tuple(value for _, values in parts for value in values)
        found = {one.place: one for one in sql.rows(counted, given, of=_Count)}
    counts = [found.get(place, _Count(place, 0, 0)) for place in range(len(BANDS))]
    tiles = []
    for band, one in zip(BANDS, counts, strict=True):
        is_chosen = selection.band == (band.name,)
        url = f"?{replace(selection, band=() if is_chosen else (band.name,)).query_string}"
        tiles.append(Tile(band, one.count, url, is_chosen))
    chosen = [one for one in counts if not selection.band or BANDS[one.place].name in selection.band]
    total = min(sum(one.count for one in chosen), COUNT_LIMIT + 1)
    priors = [one.priors for one in chosen if one.priors is not None]
    return Counts(tiles, total, sum(priors) if len(priors) == len(chosen) else None)


def _limit(rows: QuerySet[Any, Any]) -> tuple[str, tuple[Any, ...]]:
    try:
        query, given = rows[: COUNT_LIMIT + 1].query.sql_with_params()
    except EmptyResultSet:
        return "SELECT NULL::bigint AS score_id, NULL::numeric AS p_fail WHERE false", ()
    return query, tuple(given)


@dataclass(frozen=True, slots=True)
class _Count:
    place: int
    count: int
    priors: int | None
