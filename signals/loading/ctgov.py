"""Load registry records: trials, versions, documents, in batches that each stand on their own."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any

from ncfd_site.core import sql
from ncfd_site.ingest.batches import Counts, valid_records, write_batches
from ncfd_site.ingest.json_records import read_json_records
from ncfd_site.ingest.progress import LoadProgress
from ncfd_site.ingest.records import InputError, InvalidRecord, Record, RejectedRecord
from ncfd_site.ingest.rejections import Rejections
from ncfd_site.ingest.runs import Run, record_run
from ncfd_site.ingest.staging import dump_json, serialize_loads
from ncfd_site.ingest.summary import OUTCOMES, LoadSummary
from securities.loading.matching import load_company_names, match_company
from signals.loading import statements
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
from storage.loading.documents import NewDocument, add_documents, known_documents
from storage.loading.mentions import Mention, RegistryDocument

RUN_SOURCE = "ctgov"
# How many records are tried before a file counts as something else.
LOOKED_AT = 20
THINGS = ["trials", "versions", "documents", "sponsors matched", "assets", "links"]

# Propose links for the documents of a batch, in its transaction, and count assets and links.
Propose = Callable[[Sequence[RegistryDocument]], Counts]


def read_studies(path: Path, progress: LoadProgress) -> Iterator[Record[TrialRecord] | RejectedRecord]:
    """Every study of a file: JSON lines, a page of the API, an array of studies, or one study."""
    for item in read_json_records(path, "studies", progress.add_bytes):
        if isinstance(item, RejectedRecord):
            yield item
            continue
        try:
            yield Record(item.place, parse_trial_record(item.value), item.size)
        except InvalidRecord as unfit:
            yield RejectedRecord(item.place, str(unfit))


def load_studies(
    records: Iterable[Record[TrialRecord] | RejectedRecord],
    *,
    propose: Propose,
    store: ContentStore,
    rejections: Rejections,
    progress: LoadProgress,
) -> LoadSummary:
    """Bring every record into the database; unchanged ones cost little, so a load may be stopped and begun again."""
    summary = LoadSummary(THINGS)
    before = rejections.count
    with record_run(RUN_SOURCE) as run:
        writer = _Writer(run, load_company_names(), propose, store)
        good = _watched(valid_records(records, rejections), run)
        for counts in write_batches(
            good, writer.write, key=lambda record: record.nct_id, rejections=rejections, progress=progress
        ):
            summary.merge(counts)
        summary.add("trials", rejected=rejections.count - before)
        run.returned = sum(summary.count("trials", outcome) for outcome in OUTCOMES)
        run.processed = summary.written_count("trials")
        run.notes = (
            f"trials: {summary.count('trials', 'added')} added, {summary.count('trials', 'changed')} changed,"
            f" {summary.count('trials', 'unchanged')} unchanged, {summary.count('trials', 'rejected')} rejected"
        )
        if older := summary.count("older records", "unchanged"):
            summary.notes.append(f"{older:,} records are older than what is loaded, and were left out.")
        sql.execute(statements.KEEP_STATE, {"until": run.until})
    return summary


def _watched(records: Iterable[Record[TrialRecord]], run: Run) -> Iterator[Record[TrialRecord]]:
    for record in records:
        run.include_date(record.value.last_update_posted)
        yield record


class _Writer:
    """Writes batches of one load."""

    def __init__(self, run: Run, names: Mapping[str, int | None], propose: Propose, store: ContentStore) -> None:
        self._run = run
        self._names = names
        self._propose = propose
        self._store = store

    def write(self, batch: Sequence[Record[TrialRecord]]) -> Counts:
        """Write one batch inside the current transaction; returns what was added, changed and left."""
        serialize_loads()
        counts: Counts = Counter()
        records = [item.value for item in batch]
        known = lock_trials([record.nct_id for record in records])
        documents = known_documents([record.source_url for record in records])
        news, undocumented = [], []
        for record in records:
            trial = known.get(record.nct_id)
            if trial is not None and trial.current_sha256 == record.sha256:
                if record.source_url not in documents:
                    undocumented.append(record)
            elif trial is not None and is_older(record, trial):
                counts["older records", "unchanged"] += 1
            else:
                news.append(record)
        self._merge(news, known, counts)
        self._see_again(records, {record.nct_id for record in news}, known, counts)
        self._document([*news, *undocumented], documents, counts)
        return counts

    def _merge(self, news: Sequence[TrialRecord], known: Mapping[str, StoredTrial], counts: Counts) -> None:
        if not news:
            return
        before = load_current_versions([known[record.nct_id].trial_id for record in news if record.nct_id in known])
        statements.STAGE.fill(
            self._row(record, compare_versions(before.get(record.nct_id), record), known.get(record.nct_id))
            for record in news
        )
        counts["trials", "changed"] += sql.execute(statements.UPDATE_TRIALS)
        counts["trials", "added"] += sql.execute(statements.ADD_TRIALS)
        counts["versions", "added"] += sql.execute(statements.ADD_VERSIONS)
        matched_before = [record.nct_id for record in news if _has_company(known.get(record.nct_id))]
        counts["sponsors matched", "added"] += sql.value(statements.COUNT_MATCHED, [matched_before])

    def _row(self, record: TrialRecord, changes: VersionChanges, known: StoredTrial | None) -> tuple[Any, ...]:
        fields = changes.fields
        return (
            record.nct_id,
            record.sha256,
            dump_json(record.raw),
            record.sponsor,
            choose_sponsor_company(self._names, record, known),
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

    def _see_again(
        self, records: Sequence[TrialRecord], written: set[str], known: Mapping[str, StoredTrial], counts: Counts
    ) -> None:
        left = [known[record.nct_id] for record in records if record.nct_id not in written]
        if not left:
            return
        counts["trials", "unchanged"] += sql.execute(statements.SEEN_AGAIN, [[trial.trial_id for trial in left]])
        # A list of companies that came after the trials may know the sponsor now.
        matches = {
            trial.trial_id: company
            for trial in left
            if trial.sponsor_company_id is None and (company := match_company(self._names, trial.sponsor_text))
        }
        if matches:
            columns = [list(matches), list(matches.values())]
            counts["sponsors matched", "added"] += sql.execute(statements.MATCH_SPONSORS, columns)

    def _document(self, records: Sequence[TrialRecord], known: Mapping[str, int], counts: Counts) -> None:
        missing = [record for record in records if record.source_url not in known]
        added = add_documents([self._new_document(record) for record in missing], self._store)
        counts["documents", "added"] += len(added)
        numbers = {**known, **added}
        links = [
            RegistryDocument(
                doc_id=numbers[record.source_url],
                is_new=record.source_url in added,
                nct_id=record.nct_id,
                source_url=record.source_url,
                version=record.sha256,
                last_update_posted=str(record.last_update_posted) if record.last_update_posted else None,
                mentions=_mentions(record) if record.is_interventional else [],
            )
            for record in records
            if record.source_url in numbers
        ]
        counts.update(self._propose(links))

    def _new_document(self, record: TrialRecord) -> NewDocument:
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


def _mentions(record: TrialRecord) -> list[Mention]:
    return [
        Mention(found.name, found.type, found.place.page_no, found.place.char_start, found.place.char_end)
        for found in record.page.interventions
    ]


def _has_company(known: StoredTrial | None) -> bool:
    return known is not None and known.sponsor_company_id is not None


def require_studies(path: Path) -> None:
    """Raise `WrongInput` where the file cannot be opened, is empty, or none of its first records is a study."""
    wanted = "studies of the ClinicalTrials.gov API (version 2) are expected"
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty: {wanted}.")
    first = None
    for record in islice(read_studies(path, LoadProgress()), LOOKED_AT):
        if isinstance(record, Record):
            return
        first = first or record
    if first:
        raise InputError(f"{path} holds no study: line {first.place.line}: {first.reason}; {wanted}.")
