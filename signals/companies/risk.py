"""The exposure of companies: number of trials, P(failure), next readouts."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ncfd_site.core import sql
from signals.trials.labels import BANDS, FINISHED, Band
from signals.trials.marks import IS_PRIOR_ONLY

AT_RISK = Decimal("0.75")
# Trials counted for each company of a list.
COMPANY_LIMIT = 500
# Trials read for the page of a company with its subsidiaries.
PAGE_LIMIT = 5_000
SHOWN, NEXT = 50, 5
# Trials read to rank companies by risk.
RISKIEST = 1_000


@dataclass(frozen=True, slots=True)
class Summary:
    """The trials of a company in numbers; `has_more` is True above the counted ones, the riskiest.

    `nct_id` is the riskiest one, with the probability `p_fail`; None without a score. `readout` is the next one.
    `is_prior_only` is True if that probability is only the prior of the phase.
    """

    company_id: int
    trials: int
    scored: int
    at_risk: int
    nct_id: str | None
    p_fail: Decimal | None
    readout: date | None
    has_more: bool
    is_prior_only: bool | None


@dataclass(frozen=True, slots=True)
class RankedCompany:
    """A company among those of the riskiest trials: its highest probability, and how many of these are at risk."""

    company_id: int
    p_fail: Decimal
    at_risk: int


@dataclass(frozen=True, slots=True)
class CompanyTrial:
    """A trial of a company or of a subsidiary, with its current score."""

    trial_id: int
    nct_id: str
    company_id: int
    phase: str | None
    indication: str | None
    status: str | None
    readout: date | None
    p_fail: Decimal | None
    change: Decimal | None
    is_prior_only: bool | None


@dataclass(frozen=True, slots=True)
class Exposure:
    """The trials of a company and its subsidiaries: their number by band, the riskiest, the next readouts.

    `ahead` is the number of pivotal trials that read out: not finished, with a readout ahead.
    """

    total: int
    ahead: int
    bands: dict[Band, int]
    riskiest: list[CompanyTrial]
    next_readouts: list[CompanyTrial]

    @property
    def has_more(self) -> bool:
        """True if only the first `PAGE_LIMIT` were counted."""
        return self.total > PAGE_LIMIT


def _build_band_count_sql(band: Band) -> str:
    low = f"s.p_fail >= {band.low}" if band.low is not None else "true"
    high = f"s.p_fail < {band.high}" if band.high is not None else "true"
    within = f"s.p_fail IS NOT NULL AND {low} AND {high}" if band.is_scored else "s.p_fail IS NULL"
    return f"count(*) FILTER (WHERE {within})"


# All but the numbers of trials is exact, however many trials a company has.
_SUMMARIES = f"""
    SELECT c.company_id, counted.trials, counted.scored, counted.at_risk, riskiest.nct_id, riskiest.p_fail,
           next.readout, counted.trials > %(most)s AS has_more, riskiest.is_prior_only
    FROM unnest(%(companies)s::integer[]) AS c (company_id)
    JOIN LATERAL (
        SELECT count(*)::integer AS trials, count(s.p_fail)::integer AS scored,
               (count(*) FILTER (WHERE s.p_fail >= %(at_risk)s))::integer AS at_risk
        FROM (SELECT p_fail FROM trial_current_scores WHERE sponsor_company_id = c.company_id
              ORDER BY p_fail DESC NULLS LAST, trial_id LIMIT %(most)s + 1) s
    ) counted ON counted.trials > 0
    LEFT JOIN LATERAL (
        SELECT t.nct_id, s.p_fail, (SELECT {IS_PRIOR_ONLY} FROM scores WHERE score_id = s.score_id) AS is_prior_only
        FROM (SELECT trial_id, p_fail, score_id FROM trial_current_scores WHERE sponsor_company_id = c.company_id
              ORDER BY p_fail DESC NULLS LAST, trial_id LIMIT 1) s
        JOIN trials t ON t.trial_id = s.trial_id WHERE s.p_fail IS NOT NULL
    ) riskiest ON true
    LEFT JOIN LATERAL (
        SELECT t.est_primary_completion_date AS readout FROM trials t
        WHERE t.sponsor_company_id = c.company_id AND t.est_primary_completion_date >= %(today)s
        ORDER BY t.est_primary_completion_date LIMIT 1
    ) next ON true
"""  # noqa: S608 (a constant of another module)
# The riskiest of all trials are read in the order of their index, which has their companies too.
_RANKED = """
    SELECT s.sponsor_company_id AS company_id, max(s.p_fail) AS p_fail,
           (count(*) FILTER (WHERE s.p_fail >= %(at_risk)s))::integer AS at_risk
    FROM (SELECT sponsor_company_id, p_fail FROM trial_current_scores WHERE p_fail >= %(least)s
          ORDER BY p_fail DESC NULLS LAST, trial_id LIMIT %(most)s) s
    WHERE s.sponsor_company_id IS NOT NULL
    GROUP BY s.sponsor_company_id
"""
# As in the list of trials: of equal probabilities, more signals first, then the next readout.
_RISKIEST_FIRST = """
    p_fail DESC NULLS LAST, (SELECT count(*) FROM signals WHERE signals.trial_id = own.trial_id) DESC,
    CASE WHEN readout >= %(today)s THEN readout END, trial_id
"""
_EXPOSURE = f"""
    WITH own AS MATERIALIZED (
        SELECT t.trial_id, t.nct_id, t.sponsor_company_id AS company_id, t.phase, t.indication, t.status,
               t.est_primary_completion_date AS readout, s.p_fail, s.change, s.score_id,
               t.is_pivotal AND coalesce(t.status, '') <> ALL (%(finished)s)
               AND coalesce(t.est_primary_completion_date >= %(today)s, false) AS is_ahead
        FROM (SELECT * FROM trials WHERE sponsor_company_id = ANY (%(companies)s) LIMIT %(most)s + 1) t
        LEFT JOIN trial_current_scores s ON s.trial_id = t.trial_id
    ), counts AS (
        SELECT count(*)::integer AS total, (count(*) FILTER (WHERE is_ahead))::integer AS ahead,
               ARRAY[{", ".join(map(_build_band_count_sql, BANDS))}] AS bands FROM own s
    ), riskiest AS (
        SELECT row_number() OVER (ORDER BY {_RISKIEST_FIRST}) AS place, own.* FROM own
        WHERE is_ahead OR NOT %(only_ahead)s ORDER BY {_RISKIEST_FIRST} LIMIT %(shown)s
    ), following AS (
        SELECT row_number() OVER (ORDER BY readout, trial_id) AS place, own.* FROM own WHERE readout >= %(today)s
        ORDER BY readout, trial_id LIMIT %(next)s
    )
    SELECT counts.total, counts.ahead, counts.bands, shown.*,
           (SELECT {IS_PRIOR_ONLY} FROM scores WHERE scores.score_id = shown.score_id) AS is_prior_only
    FROM counts LEFT JOIN (
        SELECT true AS is_next, following.* FROM following UNION ALL SELECT false, riskiest.* FROM riskiest
    ) shown ON true
    ORDER BY is_next, place
"""  # noqa: S608 (texts of this module)


@dataclass(frozen=True, slots=True)
class _Found(CompanyTrial):
    total: int
    ahead: int
    bands: list[int]
    is_ahead: bool | None
    is_next: bool | None
    place: int
    score_id: int | None


def summarize_trials(company_ids: Collection[int], today: date) -> dict[int, Summary]:
    """Return the numbers of each company with trials, by company; trials of subsidiaries do not count."""
    keys = {"companies": list(company_ids), "today": today, "at_risk": AT_RISK, "most": COMPANY_LIMIT}
    return {one.company_id: one for one in sql.rows(_SUMMARIES, keys, of=Summary)} if company_ids else {}


def list_ranked_companies(least: Decimal = Decimal(0)) -> list[RankedCompany]:
    """Return the companies of the trials with at least the probability `least`; only the riskiest trials are read."""
    return sql.rows(_RANKED, {"least": least, "most": RISKIEST, "at_risk": AT_RISK}, of=RankedCompany)


def load_exposure(company_ids: Sequence[int], today: date, *, only_ahead: bool = False) -> Exposure:
    """Return the trials of all these companies together: their number by band, the riskiest, the next readouts.

    `only_ahead` limits the riskiest ones to pivotal trials that read out.
    """
    keys = {"companies": list(company_ids), "today": today, "most": PAGE_LIMIT, "shown": SHOWN, "next": NEXT}
    keys |= {"finished": list(FINISHED), "only_ahead": only_ahead}
    found = sql.rows(_EXPOSURE, keys, of=_Found)
    return Exposure(
        total=found[0].total,
        ahead=found[0].ahead,
        bands=dict(zip(BANDS, found[0].bands, strict=True)),
        riskiest=[one for one in found if one.is_next is False],
        next_readouts=[one for one in found if one.is_next],
    )
