"""Trials with the versions of their records, read by the loader of registry records as if over months."""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import F

from linkaudit.loading.hp2 import propose_links
from ncfd_site.demonstration.plan.calendar import LOADS, Calendar
from ncfd_site.demonstration.plan.records import Version, versions_of
from ncfd_site.demonstration.plan.trials import PlannedTrial
from ncfd_site.demonstration.rows.times import written_at
from ncfd_site.ingest.progress import LoadProgress
from ncfd_site.ingest.records import Record, SourceLocation
from ncfd_site.ingest.rejections import Rejections
from signals.loading.ctgov import load_studies
from signals.loading.record import parse_trial_record
from signals.models import IngestRun, RegistryHistoryVersion, Trial
from storage.content import ContentStore

# The registry's list of versions has some that were never read.
UNREAD = timedelta(days=130)
TOOK = timedelta(seconds=52)
TO_POSTED = timedelta(days=3)


def add_trials(trials: Sequence[PlannedTrial], calendar: Calendar, store: ContentStore) -> dict[str, int]:
    """Read the registry five times; returns the numbers of the trials by NCT number.

    Documents, assets' spellings and the proposals of HP-2 come with it, as the loader makes them.
    """
    versions = {trial.nct_id: versions_of(trial, place, calendar) for place, trial in enumerate(trials)}
    others = _other_runs(calendar)
    for load in range(1, len(LOADS) + 1):
        while others and others[0].started_at < calendar.load(load):
            others.pop(0).save(force_insert=True)
        current = [
            max((one for one in known if one.load <= load), key=lambda one: one.load)
            for known in versions.values()
            if known[0].load <= load
        ]
        _load(current, store)
        written_at(calendar.load(load))
    IngestRun.objects.filter(finished_at=F("started_at")).update(finished_at=F("started_at") + TOOK)
    numbers = dict(Trial.objects.values_list("nct_id", "pk"))
    _add_history(versions, numbers)
    return numbers


def _load(versions: Sequence[Version], store: ContentStore) -> None:
    refusals = Rejections()
    records = (
        Record(SourceLocation("demonstration", line), parse_trial_record(version.record))
        for line, version in enumerate(versions, 1)
    )
    load_studies(records, propose=propose_links, store=store, refusals=refusals, progress=LoadProgress())
    if refusals.count:
        raise ValueError(f"a record of the demonstration cannot be loaded: {refusals.first[0].reason}")


def _add_history(versions: dict[str, list[Version]], numbers: dict[str, int]) -> None:
    rows = []
    for nct_id, known in versions.items():
        submitted = [known[0].trial.first_posted - TO_POSTED]
        if known[0].posted - UNREAD > submitted[0]:
            submitted.append(known[0].posted - UNREAD)
        submitted += [version.posted - TO_POSTED for version in known if version.posted - TO_POSTED > submitted[-1]]
        rows += [
            RegistryHistoryVersion(
                trial_id=numbers[nct_id],
                version_rank=rank,
                submitted_date=day,
                url=f"https://clinicaltrials.gov/study/{nct_id}?a={rank}&tab=history",
            )
            for rank, day in enumerate(submitted, start=1)
        ]
    RegistryHistoryVersion.objects.bulk_create(rows)


def _other_runs(calendar: Calendar) -> list[IngestRun]:
    """Runs of other loaders, and one over the registry that was cut off."""
    tickers, audits, cut = calendar.at(-239, 1), calendar.at(-35, 3), calendar.at(-17, 2)
    return [
        IngestRun(
            source="sec_tickers",
            started_at=tickers,
            finished_at=tickers + timedelta(seconds=41),
            since_date=tickers.date(),
            until_date=tickers.date(),
            total_returned=24,
            total_processed=23,
            notes=f"list of {tickers.date()}: 23 tickers, 1 rows refused",
        ),
        IngestRun(
            source="link_audits",
            started_at=audits,
            finished_at=audits + timedelta(seconds=19),
            total_returned=190,
            total_processed=190,
            notes="links: 190 added, 0 changed, 0 left, 0 refused",
        ),
        IngestRun(source="ctgov", started_at=cut, notes="under way, or stopped"),
    ]
