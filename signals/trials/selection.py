"""The selection of trials: filters, run and order."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any, ClassVar

from django.db.models import BooleanField, Case, Count, F, Func, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Coalesce

from ncfd_site.core.formatting import humanize_name
from ncfd_site.core.lists import Selection
from signals.models import Gate, Score, Signal, Trial, TrialCurrentScore
from signals.trials import search
from signals.trials.labels import BAND, FINISHED, format_phase, format_status

SORTS = {
    "risk": "highest risk first",
    "-risk": "lowest risk first",
    "change": "largest increase first",
    "-change": "largest decrease first",
    "readout": "earliest readout first",
    "-readout": "latest readout first",
    "number": "NCT ID, ascending",
    "-number": "NCT ID, descending",
}
ANY_GATE = "any"
NO_PHASE = "none"
NO_STATUS = "none"
# Statuses of a trial that goes on, together with trials without a status.
NOT_FINISHED = "active"
# A single run has no index on the change since the previous run.
CURRENT_ONLY = ("change", "-change")

# The key makes each order total, and goes the way in which the index has it.
ORDERS: dict[str, tuple[Any, ...]] = {
    "risk": (F("p_fail").desc(nulls_last=True), "trial_id"),
    "-risk": (F("p_fail").asc(nulls_first=True), "-trial_id"),
    "change": (F("change").desc(nulls_last=True), "trial_id"),
    "-change": (F("change").asc(nulls_first=True), "-trial_id"),
    "readout": ("trial__est_primary_completion_date", "trial_id"),
    "-readout": ("-trial__est_primary_completion_date", "-trial_id"),
    "number": ("trial__nct_id",),
    "-number": ("-trial__nct_id",),
}
# A score has always a probability, and its index is written without a word on what has none.
ORDERS_OF_RUN = ORDERS | {"risk": ("-p_fail", "trial_id"), "-risk": ("p_fail", "-trial_id")}
# In these orders what has no value would come first: it is left out.
_LEAVES_OUT = {
    "-risk": Q(p_fail__isnull=False),
    "-change": Q(change__isnull=False),
    "-readout": Q(trial__est_primary_completion_date__isnull=False),
}


class IsListed(Func):
    """True if a company, or one above it, has a security that is traded today.

    The recursion is the exception: few companies have a parent, and those with a ticker of their own need none.
    """

    template = """(
        EXISTS (SELECT FROM securities s WHERE s.company_id = %(expressions)s AND s.status = 'active')
        OR EXISTS (
            WITH RECURSIVE above AS (
                SELECT r.parent_company_id AS company_id FROM company_relationships r
                WHERE r.child_company_id = %(expressions)s AND r.end_date IS NULL
                UNION SELECT r.parent_company_id FROM above
                JOIN company_relationships r ON r.child_company_id = above.company_id AND r.end_date IS NULL
            )
            SELECT FROM above JOIN securities s ON s.company_id = above.company_id AND s.status = 'active'
        )
    )"""
    output_field = BooleanField()


@dataclass(frozen=True, slots=True)
class TrialFilter(Selection):
    """A selection of trials. Shares are in percent."""

    parameters: ClassVar[dict[str, str]] = {"sort": "order", "since": "from", "until": "to"}
    preset: ClassVar[dict[str, Any]] = {"pivotal": "yes", "status": (NOT_FINISHED,), "ahead": "yes", "listed": "yes"}

    q: str = ""
    phase: tuple[str, ...] = ()
    band: tuple[str, ...] = ()
    gate: tuple[str, ...] = ()
    signal: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    pivotal: str = ""
    status: tuple[str, ...] = ()
    ahead: str = ""
    listed: str = ""
    within: int | None = None
    since: date | None = None
    until: date | None = None
    risk_from: Decimal | None = None
    risk_to: Decimal | None = None
    ticker: str = ""
    sponsor: str = ""
    run: str = ""
    sort: str = "risk"

    def describe(self, name: str, value: Any) -> str:
        """Return a filter in words."""
        texts = {
            "q": f"search: {value}",
            "phase": "phase unknown" if value == NO_PHASE else format_phase(value),
            "band": BAND[value].words if name == "band" else "",
            "gate": "any gate fired" if value == ANY_GATE else f"gate {value} fired",
            "stop": f"stop rule: {humanize_name(str(value))}",
            "status": {NO_STATUS: "no status known", NOT_FINISHED: "not finished"}.get(value)
            or format_status(str(value)),
            "pivotal": "pivotal",
            "ahead": "readout ahead",
            "listed": "sponsor listed",
            "within": f"readout in the next {value} days",
            "since": f"readout from {value}",
            "until": f"readout to {value}",
            "risk_from": f"P(failure) from {value} %",
            "risk_to": f"P(failure) to {value} %",
            "ticker": f"ticker {str(value).upper()}",
        }
        return texts.get(name, f"{name} {value}")


def look_up_texts(selection: TrialFilter) -> search.Found:
    """Return the companies and trials that the texts of a selection stand for, in one query if it has any."""
    texts = (selection.q, selection.sponsor, selection.ticker)
    return search.look_up_texts(*texts) if any(texts) else search.Found()


def select_scores(selection: TrialFilter, today: date, found: search.Found | None = None) -> QuerySet[Any]:
    """Return the current scores, or the scores of the selected run, that match the filters, unordered.

    `found` saves a query if the texts of the selection are looked up already.
    """
    rows: QuerySet[Any] = (
        Score.objects.filter(run_id=selection.run) if selection.run else TrialCurrentScore.objects.all()
    )
    rows = rows.filter(reduce(or_, map(build_band_condition, selection.band), Q()))
    if selection.risk_from is not None:
        rows = rows.filter(p_fail__gte=selection.risk_from / 100)
    if selection.risk_to is not None:
        rows = rows.filter(p_fail__lte=selection.risk_to / 100)
    if selection.stop:
        held = (Q(metadata__contains={"stop_rules": [{"rule": name}]}) for name in selection.stop)
        rows = rows.filter(score_id__in=Score.objects.filter(reduce(or_, held)).values("score_id"))
    if selection.gate:
        codes = Gate.Code.values if ANY_GATE in selection.gate else selection.gate
        if selection.run:
            rows = rows.filter(reduce(or_, (Q(metadata__contains={"gates": {code: {}}}) for code in codes)))
        else:
            rows = rows.filter(trial_id__in=Gate.objects.filter(g_id__in=codes, fired_bool=True).values("trial_id"))
    if selection.signal:
        codes = selection.signal
        if selection.run:
            recorded = ({"signals": {code: severity}} for code in codes for severity in Signal.Severity.values)
            rows = rows.filter(reduce(or_, (Q(metadata__contains=signals) for signals in recorded)))
        else:
            rows = rows.filter(trial_id__in=Signal.objects.filter(s_id__in=codes).values("trial_id"))
    trials = _select_trials(selection, today, found or look_up_texts(selection))
    # No join: scores have the key of a trial in another type, and a converted key has no index.
    return rows if trials is None else rows.filter(trial_id__in=trials.values("pk"))


def leave_out_unknown(rows: QuerySet[Any], selection: TrialFilter) -> QuerySet[Any]:
    """Filter out the scores that have no value of the first sort key, if they would come first."""
    return rows.filter(_LEAVES_OUT.get(selection.keys[0], Q()))


def select_ordered_scores(
    selection: TrialFilter, today: date, found: search.Found | None = None, *, is_short: bool = False
) -> QuerySet[Any]:
    """Return the scores that match the filters, in the selected order.

    Trials with equal probabilities are in the order of their keys, which an index has. In a short list, those with
    more signals come first, then those with the next readout.
    """
    orders = ORDERS_OF_RUN if selection.run else ORDERS
    keys = selection.keys
    rows = leave_out_unknown(select_scores(selection, today, found), selection)
    ties = []
    if is_short and keys == ["risk"]:
        fired = Signal.objects.filter(trial_id=OuterRef("trial_id")).order_by().values("trial_id")
        ahead = When(trial__est_primary_completion_date__gte=today, then="trial__est_primary_completion_date")
        ties = [Coalesce(Subquery(fired.annotate(number=Count("*")).values("number")), 0).desc(), Case(ahead).asc()]
    # Each order ends with its key of the trial; only the last one counts.
    parts = [orders[key] for key in keys]
    return rows.order_by(*(one for part in parts[:-1] for one in part[:1]), *parts[-1][:-1], *ties, parts[-1][-1])


def _select_trials(selection: TrialFilter, today: date, found: search.Found) -> QuerySet[Trial] | None:
    """Return the trials that match the filters on trials, or None without such a filter."""
    since, until = _compute_readout_window(selection, today)
    lookups = {
        "is_pivotal": {"yes": True, "no": False}.get(selection.pivotal),
        "est_primary_completion_date__gte": since,
        "est_primary_completion_date__lte": until,
    }
    trials = Trial.objects.filter(**{name: value for name, value in lookups.items() if value is not None})
    if selection.phase:
        trials = trials.filter(reduce(or_, map(build_phase_condition, selection.phase)))
    if selection.status:
        trials = trials.filter(reduce(or_, map(_build_status_condition, selection.status)))
    if selection.q:
        trials = search.filter_by_search(trials, selection.q, found)
    if selection.sponsor:
        trials = search.filter_by_sponsor(trials, selection.sponsor, found)
    if selection.ticker:
        trials = trials.filter(sponsor_company_id__in=found.holders)
    if selection.listed:
        trials = trials.filter(IsListed(F("sponsor_company")), sponsor_company__isnull=False)
    return trials if trials.query.where else None


def _compute_readout_window(selection: TrialFilter, today: date) -> tuple[date | None, date | None]:
    """Return the first and last readout date of a selection; None without a limit."""
    since, until = selection.since, selection.until
    if selection.ahead or selection.within is not None:
        since = max(since or today, today)
    if selection.within is not None:
        last = today + timedelta(days=selection.within)
        until = min(until or last, last)
    return since, until


def build_phase_condition(phase: str) -> Q:
    """Return the filter of trials by phase; `NO_PHASE` matches trials without a phase."""
    return Q(phase__isnull=True) if phase == NO_PHASE else Q(phase=phase)


def _build_status_condition(status: str) -> Q:
    unknown = Q(status__isnull=True) | Q(status="")
    if status == NOT_FINISHED:
        return unknown | ~Q(status__in=FINISHED)
    return unknown if status == NO_STATUS else Q(status=status)


def build_band_condition(name: str) -> Q:
    """Return the filter of scores by the name of a risk band."""
    band = BAND[name]
    if not band.is_scored:
        return Q(p_fail__isnull=True)
    wanted = Q()
    if band.low is not None:
        wanted &= Q(p_fail__gte=band.low)
    if band.high is not None:
        wanted &= Q(p_fail__lt=band.high)
    return wanted
