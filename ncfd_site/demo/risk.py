"""Signals from releases and records, their evaluations, and scores of several runs."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from django.db.models import F

from ncfd_site.demo.catalog import LOADS, Calendar, moment
from ncfd_site.demo.claims import find_spans
from ncfd_site.demo.loader import Loader
from ncfd_site.demo.publications import Publication
from signals.formulas import SIGNALS
from signals.models import ScoreRun
from signals.registry_signals.evaluation import evaluate_registry_signals
from signals.scoring.run import score_trials_at

# Time from a release, or from the load that finds a change of a record, to its signals.
TO_SIGNAL = timedelta(days=2, hours=3)
TO_RECORD_SIGNAL = timedelta(hours=5)
# The registry's record decides these, and a command of its own evaluates them.
BY_RECORD = ("S1", "S7")


def add_risk(loader: Loader) -> None:
    """Add the demonstration's signals and evaluations; score its trials as of each run, with gates in the last run."""
    releases = select_releases(loader.publications)
    for one in releases:
        about, at = loader.about(one), moment(one.published) + TO_SIGNAL
        loader.add("signals", (about | signal for signal in build_signals(one, loader.calendar)))
        evaluated = [code for code in SIGNALS if code not in BY_RECORD]
        rows = [{**about, "code": code, "fired": code in one.trial.signals, "at": at} for code in evaluated]
        loader.add("signal_evaluations", rows)
    for load in range(1, len(LOADS) + 1):
        evaluate_registry_signals(moment=loader.calendar.load(load) + TO_RECORD_SIGNAL)
    runs = loader.calendar.runs()
    for run_id, at in runs.items():
        score_trials_at(run_id, at, with_gates=run_id == list(runs)[-1])
    ScoreRun.objects.update(started_at=F("moment"), finished_at=F("moment"))


def select_releases(publications: Sequence[Publication]) -> list[Publication]:
    """Return the release with the results of each published trial."""
    return [one for one in publications if one.source_type == "PR" and one.found]


def build_signals(release: Publication, calendar: Calendar) -> Iterator[dict[str, Any]]:
    """Return the signals of a published trial: from its release, and S1 from its record."""
    trial, found = release.trial, release.found
    assert found is not None  # noqa: S101 (the release has results)
    for code, severity in sorted(trial.signals.items()):
        signal = {"trial": trial, "code": code, "severity": severity, "value": found.values.get(code)}
        if code == "S1":
            yield {**signal, "at": calendar.load(trial.change_load) + TO_RECORD_SIGNAL}
        else:
            quote, at = found.sentences[code], moment(release.published) + TO_SIGNAL
            yield {**signal, "quote": quote, "span": next(find_spans(release.pages, quote)), "at": at}
