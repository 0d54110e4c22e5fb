"""Loading of registry records in batches: trials, versions, documents and HP-2 links."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import transaction

from linkaudit.loading.hp2 import propose_links
from ncfd_site.core import sql
from ncfd_site.ingest.batches import Counts, serialize_loads, valid_records, write_batches
from ncfd_site.ingest.json_records import read_json_records
from ncfd_site.ingest.records import InputError, Record, RejectedRecord, Rejections, parse_records
from ncfd_site.ingest.runs import OUTCOMES, LoadProgress, LoadSummary, Run, record_run
from securities.loading.matching import SponsorMatcher, load_company_names, match_company
from signals.loading import stored_trials
from signals.loading.history import Placement, list_versions, load_captures, place_capture, rebuild_histories
from signals.loading.record import TrialRecord, parse_trial_record
from signals.loading.sponsors import FOLLOW_SUCCESSIONS, propose_companies
from signals.loading.stored_trials import (
    StatedParts,
    StoredTrial,
    VersionChanges,
    choose_sponsor_company,
    compare_versions,
    load_current_versions,
    lock_trials,
)
from storage.content import ContentStore
from storage.loading import Mention, NewDocument, RegistryDocument, add_documents, find_known_documents

RUN_SOURCE = "ctgov"
# Records read before a file counts as another format.
RECORDS_TRIED = 20
THINGS = ["trials", "versions", "documents", "sponsors matched", "assets", "links"]


def read_studies(
    path: Path, progress: LoadProgress, captured_at: datetime | None = None
) -> Iterator[Record[TrialRecord] | RejectedRecord]:
    """Return the studies of a file: JSON lines, a page of the API, an array, one study, or a zip of these."""
    parse = partial(parse_trial_record, captured_at=captured_at)
    return parse_records(read_json_records(path, "studies", progress.add_bytes), parse)


def require_studies(path: Path) -> None:
    """Raise InputError if the file cannot be opened, is empty, or does not start with studies."""
    expected = "Expected studies of the ClinicalTrials.gov API (version 2)."
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty. {expected}")
    first = None
    for record in islice(read_studies(path, LoadProgress()), RECORDS_TRIED):
        if isinstance(record, Record):
            return
        first = first or record
    if first:
        raise InputError(f"{path} contains no study: line {first.place.line}: {first.reason}. {expected}")


def load_studies(
    records: Iterable[Record[TrialRecord] | RejectedRecord],
    *,
    store: ContentStore,
    rejections: Rejections,
    progress: LoadProgress,
    saves_cursor: bool = True,
) -> LoadSummary:
    """Write all records in batches, record the run, and return the counts. A stopped load can be repeated.

    With `saves_cursor`, the next fetch of updates starts at the latest day of these records.
    """
    summary = LoadSummary(THINGS)
    rejected_before = rejections.count
    with record_run(RUN_SOURCE) as run:
        names = load_company_names()
        writer = _Writer(run, names, store)
        valid = _include_update_dates(valid_records(records, rejections), run)
        for counts in write_batches(
            valid, writer.write, key=lambda record: record.nct_id, rejections=rejections, progress=progress
        ):
            summary.counts.update(counts)
        summary.add("trials", rejected=rejections.count - rejected_before)
        run.returned = sum(summary.count("trials", verb) for verb in OUTCOMES)
        run.processed = summary.written_count("trials")
        run.notes = (
            f"trials: {summary.count('trials', 'added')} added, {summary.count('trials', 'changed')} changed,"
            f" {summary.count('trials', 'unchanged')} unchanged, {summary.count('trials', 'rejected')} rejected"
        )
        if older := summary.count("older records", "unchanged"):
            summary.notes.append(f"{older:,} records are older than the stored ones: earlier versions.")
        with transaction.atomic():
            serialize_loads()
            sql.execute(FOLLOW_SUCCESSIONS)
            propose_companies(names, writer.unmatched_sponsors, str(run.run_id))
        if saves_cursor:
            sql.execute(stored_trials.SAVE_CURSOR, {"until": run.until})
    return summary


def _include_update_dates(records: Iterable[Record[TrialRecord]], run: Run) -> Iterator[Record[TrialRecord]]:
    for record in records:
        run.include_date(record.value.last_update_posted)
        yield record


def _is_repeated(record: TrialRecord, trial: StoredTrial) -> bool:
    """Return whether the record is the current one of the trial, captured no earlier than it was last seen."""
    return trial.current_sha256 == record.sha256 and (record.captured_at or trial.last_seen_at) >= trial.last_seen_at


class _Writer:
    """Writes the batches of one load."""

    def __init__(self, run: Run, names: SponsorMatcher, store: ContentStore) -> None:
        self._run = run
        self._names = names
        self._store = store
        self.unmatched_sponsors: set[str] = set()

    def write(self, batch: Sequence[Record[TrialRecord]]) -> Counts:
        """Write one batch in the current transaction and return its counts."""
        serialize_loads()
        counts: Counts = Counter()
        moment = sql.value("SELECT clock_timestamp()")
        records = [item.value if item.value.captured_at else replace(item.value, captured_at=moment) for item in batch]
        trials = lock_trials([record.nct_id for record in records])
        documents = find_known_documents([record.source_url for record in records])
        unchanged = {
            record.nct_id: record.captured_at or moment
            for record in records
            if record.nct_id in trials and _is_repeated(record, trials[record.nct_id])
        }
        changed = [record for record in records if record.nct_id not in unchanged]
        undocumented = [r for r in records if r.nct_id in unchanged and r.source_url not in documents]
        changed = self._merge_records(changed, trials, counts)
        self._mark_trials_seen([(trials[nct_id], at) for nct_id, at in unchanged.items()], counts)
        self._add_documents([*changed, *undocumented], documents, counts)
        return counts

    def _merge_records(
        self, records: Sequence[TrialRecord], trials: Mapping[str, StoredTrial], counts: Counts
    ) -> list[TrialRecord]:
        """Write the trials and versions; return the records that are not stored already."""
        if not records:
            return []
        stored = [trials[record.nct_id].trial_id for record in records if record.nct_id in trials]
        versions, captures = load_current_versions(stored), load_captures(stored)
        rows, moved, written, seen = [], [], [], []
        for record in records:
            trial, version = trials.get(record.nct_id), versions.get(record.nct_id)
            at = record.captured_at or datetime.now(UTC)
            place = Placement(is_current=True, is_next=True, is_repeated=False, seen_at=at)
            changes = VersionChanges()
            if version is not None:
                parts = StatedParts(record.primary_endpoint, record.sample_size, record.analysis_plan)
                changes = compare_versions(version.raw_text, version.stated, record.raw, parts)
            if trial is not None:
                place = place_capture(record, at, trial, captures.get(record.nct_id, []), changes.fields)
                if not place.is_current:
                    seen.append((trial, place.seen_at))
                    counts["older records", "unchanged"] += 1
                if place.is_repeated:
                    continue
                if version is not None and not place.is_next:
                    moved.append(trial)
                    changes = VersionChanges()
            written.append(record)
            rows.append(self._build_row(record, changes, trial, place))
        stored_trials.STAGE.fill(rows)
        counts["trials", "changed"] += sql.execute(stored_trials.UPDATE_TRIALS)
        counts["trials", "unchanged"] += len(seen)
        counts["trials", "added"] += sql.execute(stored_trials.ADD_TRIALS)
        counts["versions", "added"] += sql.execute(stored_trials.ADD_VERSIONS)
        matched = [nct_id for nct_id, trial in trials.items() if trial.sponsor_company_id is not None]
        counts["sponsors matched", "added"] += sql.value(stored_trials.COUNT_MATCHED, [matched])
        list_versions()
        self._mark_trials_seen(seen, Counter())
        if moved:
            self._rebuild_histories(moved)
        return written

    def _rebuild_histories(self, trials: Sequence[StoredTrial]) -> None:
        """Correct later versions, and the columns of trials that the current record does not state."""
        stored = lock_trials([trial.nct_id for trial in trials])
        folded = rebuild_histories(stored.values())
        stored_trials.STAGE.fill(
            self._build_row(
                record, VersionChanges(), stored[nct_id], Placement(True, False, False, stored[nct_id].last_seen_at)
            )
            for nct_id, record in folded.items()
        )
        sql.execute(stored_trials.UPDATE_TRIALS)

    def _build_row(
        self, record: TrialRecord, changes: VersionChanges, trial: StoredTrial | None, place: Placement
    ) -> tuple[Any, ...]:
        company_id = choose_sponsor_company(self._names, record, trial)
        if company_id is None and record.sponsor:
            self.unmatched_sponsors.add(record.sponsor)
        return (
            record.nct_id,
            record.sha256,
            record.captured_at,
            place.seen_at,
            place.is_current,
            record.last_update_submitted,
            record.text,
            record.sponsor,
            company_id,
            record.phase,
            record.is_pivotal,
            record.status,
            record.indication,
            record.intervention_types,
            record.primary_completion,
            record.first_posted,
            record.last_update_posted,
            record.primary_endpoint,
            record.sample_size,
            record.analysis_plan,
            *changes.as_row(),
        )

    def _mark_trials_seen(self, seen: Sequence[tuple[StoredTrial, datetime]], counts: Counts) -> None:
        if not seen:
            return
        columns: list[list[Any]] = [[trial.trial_id for trial, _ in seen], [at for _, at in seen]]
        counts["trials", "unchanged"] += sql.execute(stored_trials.MARK_SEEN, columns)
        # Companies that were loaded after the trials may match now.
        matches = {
            trial.trial_id: company
            for trial, _ in seen
            if trial.sponsor_company_id is None and (company := match_company(self._names, trial.sponsor_text))
        }
        if matches:
            columns = [list(matches), list(matches.values())]
            counts["sponsors matched", "added"] += sql.execute(stored_trials.MATCH_SPONSORS, columns)

    def _add_documents(self, records: Sequence[TrialRecord], known: Mapping[str, int], counts: Counts) -> None:
        missing = [record for record in records if record.source_url not in known]
        added = add_documents([self._build_document(record) for record in missing], self._store)
        counts["documents", "added"] += len(added)
        doc_ids = {**known, **added}
        documents = [
            RegistryDocument(
                doc_id=doc_ids[record.source_url],
                is_new=record.source_url in added,
                nct_id=record.nct_id,
                source_url=record.source_url,
                version=record.sha256,
                former_ids=record.former_ids,
                last_update_posted=str(record.last_update_posted) if record.last_update_posted else None,
                mentions=[
                    Mention(found.name, found.type, found.place.page_no, found.place.char_start, found.place.char_end)
                    for found in (record.page.interventions if record.is_interventional else ())
                ],
            )
            for record in records
            if record.source_url in doc_ids
        ]
        counts.update(propose_links(documents))

    def _build_document(self, record: TrialRecord) -> NewDocument:
        posted = record.last_update_posted
        return NewDocument(
            source_type="Registry",
            source_url=record.source_url,
            publisher="ClinicalTrials.gov",
            published_at=datetime.combine(posted, time(), UTC) if posted else None,
            content_type="application/json",
            status="linked",
            crawl_run_id=f"{RUN_SOURCE}:{self._run.run_id}",
            content=record.content,
            pages=record.page.pages,
        )
