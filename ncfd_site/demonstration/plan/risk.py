"""The signals of the trials, from what was published of them and how their records changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ncfd_site.demonstration.plan.calendar import Calendar, moment
from ncfd_site.demonstration.plan.claims import Found, places
from ncfd_site.demonstration.plan.publications import Publication
from ncfd_site.demonstration.plan.trials import PlannedTrial
from signals.formulas import SIGNALS

# Days from a release to the signals that it gives, and hours from a change of the record.
TO_SIGNAL = timedelta(days=2, hours=3)
TO_RECORD_SIGNAL = timedelta(hours=5)
# The registry's record decides these, and the command for that evaluates them.
BY_RECORD = ("S1", "S7")


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
class PlannedEvaluation:
    """What evaluating a signal for a published trial came to."""

    trial: PlannedTrial
    code: str
    fired: bool
    reason: str
    evaluated_at: datetime
    source: Publication


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


def evaluations_of(releases: Mapping[str, Publication]) -> list[PlannedEvaluation]:
    """What was looked at in each release with results: every signal that the record does not decide."""
    return [
        PlannedEvaluation(
            trial=source.trial,
            code=code,
            fired=code in source.trial.signals,
            reason="The release tells of it." if code in source.trial.signals else "The release gives no sign of it.",
            evaluated_at=moment(source.published) + TO_SIGNAL,
            source=source,
        )
        for source in releases.values()
        for code in SIGNALS
        if code not in BY_RECORD
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
