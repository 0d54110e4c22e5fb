"""Loading of registry records in batches: trials, versions, documents and HP-2 links."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any

from linkaudit.loading.hp2 import propose_links
from ncfd_site.core import sql
from ncfd_site.ingest.batches import Counts, dump_json, serialize_loads, valid_records, write_batches
from ncfd_site.ingest.json_records import read_json_records
from ncfd_site.ingest.records import InputError, Record, RejectedRecord, Rejections, parse_records
from ncfd_site.ingest.runs import OUTCOMES, LoadProgress, LoadSummary, Run, record_run
from securities.loading.names import load_company_names, match_company
from signals.loading import stored_trials
from signals.loading.record import TrialRecord, parse_trial_record
from signals.loading.stored_trials import (
    StoredTrial,
    VersionChanges,
    choose_sponsor_company,
    compare_versions,
    is_older,
    load_current_versions,
    lock_trials,
)
from storage.content import ContentStore
from storage.loading import Mention, NewDocument, RegistryDocument, add_documents, find_known_documents

RUN_SOURCE = "ctgov"
# Records read before a file counts as another format.
RECORDS_TRIED = 20
THINGS = ["trials", "versions", "documents", "sponsors matched", "assets", "links"]


def read_studies(path: Path, progress: LoadProgress) -> Iterator[Record[TrialRecord] | RejectedRecord]:
    """Return the studies of a file: JSON lines, a page of the API, an array of studies, or one study."""
    return parse_records(read_json_records(path, "studies", progress.add_bytes), parse_trial_record)


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
) -> LoadSummary:
    """Write all records in batches, record the run, and return the counts. A stopped load can be repeated."""
    summary = LoadSummary(THINGS)
    rejected_before = rejections.count
    with record_run(RUN_SOURCE) as run:
        writer = _Writer(run, load_company_names(), store)
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
            summary.notes.append(f"{older:,} records are older than the stored ones and were skipped.")
        sql.execute(stored_trials.SAVE_CURSOR, {"until": run.until})
    return summary


def _include_update_dates(records: Iterable[Record[TrialRecord]], run: Run) -> Iterator[Record[TrialRecord]]:
    for record in records:
        run.include_date(record.value.last_update_posted)
        yield record


class _Writer:
    """Writes the batches of one load."""

    def __init__(self, run: Run, names: Mapping[str, int | None], store: ContentStore) -> None:
        self._run = run
        self._names = names
        self._store = store

    def write(self, batch: Sequence[Record[TrialRecord]]) -> Counts:
        """Write one batch in the current transaction and return its counts."""
        serialize_loads()
        counts: Counts = Counter()
        records = [item.value for item in batch]
        trials = lock_trials([record.nct_id for record in records])
        documents = find_known_documents([record.source_url for record in records])
        changed, undocumented = [], []
        for record in records:
            trial = trials.get(record.nct_id)
            if trial is not None and trial.current_sha256 == record.sha256:
                if record.source_url not in documents:
                    undocumented.append(record)
            elif trial is not None and is_older(record, trial):
                counts["older records", "unchanged"] += 1
            else:
                changed.append(record)
        self._merge_records(changed, trials, counts)
        written = {record.nct_id for record in changed}
        unchanged = [trials[record.nct_id] for record in records if record.nct_id not in written]
        self._mark_trials_seen(unchanged, counts)
        self._add_documents([*changed, *undocumented], documents, counts)
        return counts

    def _merge_records(self, records: Sequence[TrialRecord], trials: Mapping[str, StoredTrial], counts: Counts) -> None:
        if not records:
            return
        versions = load_current_versions(
            [trials[record.nct_id].trial_id for record in records if record.nct_id in trials]
        )
        stored_trials.STAGE.fill(
            self._build_row(record, compare_versions(versions.get(record.nct_id), record), trials.get(record.nct_id))
            for record in records
        )
        counts["trials", "changed"] += sql.execute(stored_trials.UPDATE_TRIALS)
        counts["trials", "added"] += sql.execute(stored_trials.ADD_TRIALS)
        counts["versions", "added"] += sql.execute(stored_trials.ADD_VERSIONS)
        matched = [nct_id for nct_id, trial in trials.items() if trial.sponsor_company_id is not None]
        counts["sponsors matched", "added"] += sql.value(stored_trials.COUNT_MATCHED, [matched])

    def _build_row(self, record: TrialRecord, changes: VersionChanges, trial: StoredTrial | None) -> tuple[Any, ...]:
        fields = changes.fields
        return (
            record.nct_id,
            record.sha256,
            dump_json(record.raw),
            record.sponsor,
            choose_sponsor_company(self._names, record, trial),
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
            dump_json(None if fields is None else [change.as_json() for change in fields]),
            changes.primary_endpoint,
            changes.sample_size,
            changes.sample_size_delta,
            changes.analysis_plan,
        )

    def _mark_trials_seen(self, trials: Sequence[StoredTrial], counts: Counts) -> None:
        if not trials:
            return
        counts["trials", "unchanged"] += sql.execute(stored_trials.MARK_SEEN, [[trial.trial_id for trial in trials]])
        # Companies that were loaded after the trials may match now.
        matches = {
            trial.trial_id: company
            for trial in trials
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
