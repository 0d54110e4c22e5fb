"""The signals, gates and scores of the trials, from what was published of them and how their records changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ncfd_site.demonstration import gates, scores
from ncfd_site.demonstration.plan.calendar import Calendar, frozen_at, moment
from ncfd_site.demonstration.plan.claims import Found, places
from ncfd_site.demonstration.plan.publications import Publication
from ncfd_site.demonstration.plan.trials import PlannedTrial

# Days from a release to the signals that it gives, and hours from a change of the record.
TO_SIGNAL = timedelta(days=2, hours=3)
TO_RECORD_SIGNAL = timedelta(hours=5)
STOP_RULES = {
    "endpoint_switched": "the primary endpoint was switched after the last patient had been randomised",
    "per_protocol_only": "success per protocol only, with over 20 % of the intention-to-treat population missing",
    "open_label_subjective": "an unblinded subjective endpoint where blinding was feasible",
}
EVERY_SIGNAL = tuple(f"S{number}" for number in range(1, 10))


@dataclass(frozen=True, slots=True)
class PlannedSignal:
    """A signal that fired. `source` is the release that it was found in, with the place of the quoted words."""

    trial: PlannedTrial
    code: str
    severity: str
    value: float | None
    quote: str
    fired_at: datetime
    source: Publication | None
    place: Found | None


@dataclass(frozen=True, slots=True)
class PlannedScore:
    """One score of a trial: the run, what it saw, and what follows."""

    trial: PlannedTrial
    run_id: str
    scored_at: datetime
    frozen_at: datetime | None
    evaluations: Sequence[gates.Evaluation]
    posterior: scores.Posterior
    metadata: dict[str, Any]


def releases_of(publications: Sequence[Publication]) -> dict[str, Publication]:
    """The release with the results of each trial, by the number of the trial."""
    return {one.trial.nct_id: one for one in publications if one.source_type == "PR" and one.found}


def signals_of(
    trials: Sequence[PlannedTrial], releases: Mapping[str, Publication], calendar: Calendar
) -> list[PlannedSignal]:
    """Every signal of every trial."""
    return [
        _from_record(trial, calendar) if code == "S1" else _from_release(trial, code, releases[trial.nct_id])
        for trial in trials
        for code in sorted(trial.signals)
    ]


def scores_of(
    trials: Sequence[PlannedTrial],
    signals: Sequence[PlannedSignal],
    releases: Mapping[str, Publication],
    calendar: Calendar,
) -> list[PlannedScore]:
    """The score of each trial in each run, from what was known then and before its features froze."""
    return [
        _score(trial, run_id, at, [signal for signal in signals if signal.trial is trial], releases.get(trial.nct_id))
        for run_id, at in calendar.runs().items()
        # Lists show the newest row first: the trials with most to say come last here.
        for trial in reversed(trials)
        if calendar.load(trial.first_load) < at
    ]


def _from_record(trial: PlannedTrial, calendar: Calendar) -> PlannedSignal:
    condition = trial.condition
    quote = (
        f"“{condition.former[0]} [{condition.former[1]}]” became “{condition.outcome} [{condition.frame}]” in the"
        f" record of {trial.nct_id}."
    )
    fired = calendar.load(trial.change_load) + TO_RECORD_SIGNAL
    return PlannedSignal(trial, "S1", trial.signals["S1"], None, quote, fired, None, None)


def _from_release(trial: PlannedTrial, code: str, source: Publication) -> PlannedSignal:
    assert source.found is not None  # noqa: S101 (releases_of gives none without)
    quote = source.found.sentences[code]
    place = next(places(source.pages, quote))
    fired = moment(source.published) + TO_SIGNAL
    return PlannedSignal(trial, code, trial.signals[code], source.found.values.get(code), quote, fired, source, place)


def _score(
    trial: PlannedTrial, run_id: str, at: datetime, signals: Sequence[PlannedSignal], release: Publication | None
) -> PlannedScore:
    frozen = frozen_at(trial.readout)
    until = min(at, frozen)
    known = {signal.code: signal.severity for signal in signals if signal.fired_at <= until}
    is_read = release is not None and moment(release.published) + TO_SIGNAL <= until
    stop = trial.stop_rule if is_read else ""
    evaluations = gates.evaluate(known)
    fired = [one for one in evaluations if one.ratio is not None]
    found = scores.posterior(
        scores.PRIORS[trial.phase], [one.ratio for one in fired if one.ratio is not None], stopped=bool(stop)
    )
    # Without a result only the record can be looked at.
    evaluated = EVERY_SIGNAL if is_read else ("S1",)
    metadata = {
        "table_version": scores.TABLE_VERSION,
        "prior": {"phase": trial.phase, "value": float(found.prior_pi)},
        "gates": {one.code: {"lr_used": float(one.ratio or 0), "supporting_S_ids": one.supporting} for one in fired},
        "signals": known,
        "not_fired": [code for code in evaluated if code not in known],
        "not_evaluated": [code for code in EVERY_SIGNAL if code not in evaluated],
        "stop_rules": [{"rule": stop, "says": STOP_RULES[stop], "p_fail_at_least": 0.97}] if stop else [],
    }
    return PlannedScore(trial, run_id, at, frozen if frozen <= at else None, evaluations, found, metadata)
