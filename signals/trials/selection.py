"""The selection of trials: filters, run and order."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import reduce
from operator import or_
from typing import Any, ClassVar

from django.db.models import F, Q, QuerySet

from ncfd_site.core.lists import Selection
from signals.models import Gate, Score, Signal, Trial, TrialCurrentScore
from signals.trials import search
from signals.trials.labels import BAND, format_phase, format_status

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
DAYS = {"30": "next 30 days", "90": "next 90 days", "180": "next 180 days", "365": "next 12 months"}
ANY_GATE = "any"
NO_PHASE = "none"
NO_STATUS = "none"
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


@dataclass(frozen=True, slots=True)
class Chip:
    """An active filter in words, and the address without it."""

    words: str
    without: str


@dataclass(frozen=True, slots=True)
class TrialFilter(Selection):
    """A selection of trials."""

    parameters: ClassVar[dict[str, str]] = {"since": "from", "until": "to"}

    q: str = ""
    phase: str = ""
    status: str = ""
    gate: str = ""
    signal: str = ""
    ticker: str = ""
    sponsor: str = ""
    band: str = ""
    within: str = ""
    since: date | None = None
    until: date | None = None
    pivotal: str = ""
    run: str = ""
    sort: str = "risk"

    @property
    def is_narrowed(self) -> bool:
        """True if a filter excludes trials."""
        return bool(self.chips)

    @property
    def chips(self) -> list[Chip]:
        """The active filters in the order of the form."""
        texts = {
            "q": f"search: {self.q}",
            "phase": "phase unknown" if self.phase == NO_PHASE else format_phase(self.phase),
            "status": "no status known" if self.status == NO_STATUS else format_status(self.status),
            "gate": "any gate fired" if self.gate == ANY_GATE else f"gate {self.gate} fired",
            "signal": f"signal {self.signal}",
            "ticker": f"ticker {self.ticker.upper()}",
            "sponsor": f"sponsor {self.sponsor}",
            "band": BAND[self.band].words if self.band else "",
            "within": f"readout in the {DAYS[self.within]}" if self.within else "",
            "since": f"readout from {self.since}",
            "until": f"readout to {self.until}",
            "pivotal": "pivotal only",
        }
        default = TrialFilter()
        return [
            Chip(words, f"?{replace(self, **{name: getattr(default, name)}).query_string}")
            for name, words in texts.items()
            if getattr(self, name)
        ]


def select_scores(selection: TrialFilter, today: date) -> QuerySet[Any]:
    """Return the current scores, or the scores of the selected run, that match the filters, unordered."""
    rows: QuerySet[Any] = (
        Score.objects.filter(run_id=selection.run) if selection.run else TrialCurrentScore.objects.all()
    )
    rows = rows.filter(_build_band_condition(selection.band))
    if selection.gate:
        codes = Gate.Code.values if selection.gate == ANY_GATE else [selection.gate]
        if selection.run:
            rows = rows.filter(reduce(or_, (Q(metadata__contains={"gates": {code: {}}}) for code in codes)))
        else:
            rows = rows.filter(trial_id__in=Gate.objects.filter(g_id__in=codes, fired_bool=True).values("trial_id"))
    if selection.signal:
        code = selection.signal
        if selection.run:
            recorded = ({"signals": {code: severity}} for severity in Signal.Severity.values)
            rows = rows.filter(reduce(or_, (Q(metadata__contains=signals) for signals in recorded)))
        else:
            rows = rows.filter(trial_id__in=Signal.objects.filter(s_id=code).values("trial_id"))
    trials = _select_trials(selection, today)
    # No join: scores have the key of a trial in another type, and a converted key has no index.
    return rows if trials is None else rows.filter(trial_id__in=trials.values("pk"))


def select_ordered_scores(selection: TrialFilter, today: date) -> QuerySet[Any]:
    """Return the scores that match the filters, in the selected order."""
    orders = ORDERS_OF_RUN if selection.run else ORDERS
    rows = select_scores(selection, today).filter(_LEAVES_OUT.get(selection.sort, Q()))
    return rows.order_by(*orders[selection.sort])


def _select_trials(selection: TrialFilter, today: date) -> QuerySet[Trial] | None:
    """Return the trials that match the filters on trials, or None without such a filter."""
    since, until = _compute_readout_window(selection, today)
    lookups = {
        "is_pivotal": bool(selection.pivotal) or None,
        "est_primary_completion_date__gte": since,
        "est_primary_completion_date__lte": until,
    }
    trials = Trial.objects.filter(**{name: value for name, value in lookups.items() if value is not None})
    if selection.phase:
        trials = trials.filter(build_phase_condition(selection.phase))
    if selection.status:
        unknown = Q(status__isnull=True) | Q(status="")
        trials = trials.filter(unknown if selection.status == NO_STATUS else Q(status=selection.status))
    if selection.q or selection.sponsor or selection.ticker:
        found = search.look_up_texts(selection.q, selection.sponsor, selection.ticker)
        if selection.q:
            trials = search.filter_by_search(trials, selection.q, found)
        if selection.sponsor:
            trials = search.filter_by_sponsor(trials, selection.sponsor, found)
        if selection.ticker:
            trials = trials.filter(sponsor_company_id__in=found.holders)
    return trials if trials.query.where else None


def _compute_readout_window(selection: TrialFilter, today: date) -> tuple[date | None, date | None]:
    """Return the first and last readout date of a selection; None without a limit."""
    since, until = selection.since, selection.until
    if selection.within:
        last = today + timedelta(days=int(selection.within))
        since, until = max(since or today, today), min(until or last, last)
    return since, until


def build_phase_condition(phase: str) -> Q:
    """Return the filter of trials by phase; `NO_PHASE` matches trials without a phase."""
    return Q(phase__isnull=True) if phase == NO_PHASE else Q(phase=phase)


def _build_band_condition(name: str) -> Q:
    if not name:
        return Q()
    band = BAND[name]
    if not band.is_scored:
        return Q(p_fail__isnull=True)
    wanted = Q()
    if band.low is not None:
        wanted &= Q(p_fail__gte=band.low)
    if band.high is not None:
        wanted &= Q(p_fail__lt=band.high)
    return wanted
