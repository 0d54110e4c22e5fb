"""Loading of registry records into trials, versions and documents."""

import gzip
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ncfd_site.core import sql
from signals.models import IngestRun, IngestState, Trial, TrialVersion
from storage.content.local import LocalContentStore
from storage.models import Document, DocumentTextPage, StorageObject, StorageReference
from tests.ingest.conftest import Load
from tests.ingest.studies import (
    jsonl,
    sponsor,
    status,
    study,
)

pytestmark = pytest.mark.django_db


def test_record_becomes_a_trial(load: Load, tmp_path: Path) -> None:
    outcome = load("ctgov", jsonl(tmp_path / "studies.jsonl", [study(7)]))
    assert outcome.code == 0
    assert outcome.row("trials") == outcome.row("versions") == outcome.row("documents") == (1, 0, 0, 0)
    trial = Trial.objects.get()
    assert (trial.nct_id, trial.phase, trial.is_pivotal, trial.status) == ("NCT00000007", "PHASE3", True, "RECRUITING")
    assert trial.sponsor_text == "Example Therapeutics, Inc."
    assert trial.indication == "Example Disease; Other Disease"
    assert trial.est_primary_completion_date == date(2026, 9, 1)
    assert trial.first_posted_date == date(2023, 12, 1)
    assert trial.last_update_posted_date == date(2024, 5, 1)
    assert trial.primary_endpoint_text == "Overall survival [24 months]"
    assert trial.intervention_types == ["DRUG"]


def test_record_becomes_a_first_version(load: Load, tmp_path: Path) -> None:
    load("ctgov", jsonl(tmp_path / "studies.jsonl", [study(7)]))
    version = TrialVersion.objects.get()
    assert version.raw_jsonb == study(7)
    assert version.sha256 == Trial.objects.get().current_sha256
    assert (version.sample_size, version.primary_endpoint_text) == (400, "Overall survival [24 months]")
    assert version.changes_jsonb is None
    assert version.changed_primary_endpoint is None


def test_record_becomes_a_document_with_stored_bytes(load: Load, tmp_path: Path, content_root: Path) -> None:
    record = {**study(7), "_collected": "2026"}
    load("ctgov", jsonl(tmp_path / "studies.jsonl", [record]))
    document = Document.objects.get()
    assert (document.source_type, document.status, document.publisher) == ("Registry", "linked", "ClinicalTrials.gov")
    version = Trial.objects.get().current_sha256
    assert version is not None
    assert document.source_url == f"https://clinicaltrials.gov/study/NCT00000007?version={version[:16]}"
    assert document.published_at == datetime(2024, 5, 1, tzinfo=UTC)
    data = LocalContentStore(content_root).read(document.storage_uri)
    assert json.loads(data) == record
    kept = StorageObject.objects.get()
    assert (kept.sha256, kept.storage_uri) == (document.sha256, document.storage_uri)
    assert (kept.refcount, kept.size_bytes, kept.backend_type) == (1, len(data), "local")
    assert document.object == kept
    reference = StorageReference.objects.get()
    assert (reference.reference_type, reference.referenced_id) == ("document", document.doc_id)


def test_text_is_paged(load: Load, tmp_path: Path) -> None:
    long = {"briefSummary": "\n".join(["A paragraph of some words."] * 3000)}
    load("ctgov", jsonl(tmp_path / "studies.jsonl", [study(7, descriptionModule=long)]))
    pages = list(DocumentTextPage.objects.order_by("page_no"))
    assert [page.page_no for page in pages] == list(range(1, len(pages) + 1))
    assert len(pages) > 1
    assert pages[0].text.startswith("NCT00000007: Study 7 of examplumab\n")
    assert all(page.char_count == len(page.text) for page in pages)


def test_document_is_linked_to_its_trial(load: Load, tmp_path: Path) -> None:
    load("ctgov", jsonl(tmp_path / "studies.jsonl", [study(7)]))
    tied = "SELECT count(*) FROM document_links WHERE nct_id = 'NCT00000007' AND link_type = 'registry_record'"
    assert sql.value(tied) == 1


@pytest.mark.parametrize("form", ["lines", "gzip", "page", "array", "one", "folder"])
def test_every_input_format_is_loaded(load: Load, tmp_path: Path, form: str) -> None:
    records = [study(number) for number in range(1, 4)]
    folder = tmp_path / "in"
    (folder / "deeper").mkdir(parents=True)
    path = folder / "studies.json"
    if form == "lines":
        path = jsonl(folder / "studies.jsonl", records)
    elif form == "gzip":
        path = jsonl(folder / "studies.jsonl.gz", records)
    elif form == "page":
        path.write_text(json.dumps({"studies": records, "nextPageToken": "abc"}))
    elif form == "array":
        path.write_text(json.dumps(records, indent=1))
    elif form == "one":
        path.write_text(json.dumps(records[0], indent=1))
    else:
        (folder / "deeper" / "page.json.gz").write_bytes(gzip.compress(json.dumps({"studies": records[:2]}).encode()))
        jsonl(folder / "more.jsonl", records[2:])
        (folder / "notes.txt").write_text("not for loading")
        path = folder
    outcome = load("ctgov", path)
    assert outcome.code == 0
    assert Trial.objects.count() == (1 if form == "one" else 3)


def test_repeated_records_change_nothing(load: Load, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "studies.jsonl", [study(number) for number in range(1, 6)])
    load("ctgov", path)
    before = everything()
    seen = Trial.objects.order_by("nct_id").values_list("last_seen_at", flat=True)[0]
    outcome = load("ctgov", path)
    assert outcome.code == 0
    assert outcome.row("trials") == (0, 0, 5, 0)
    for thing in ("versions", "documents", "assets", "links"):
        assert outcome.row(thing)[:2] == (0, 0)
    assert everything() == before
    assert Trial.objects.order_by("nct_id").values_list("last_seen_at", flat=True)[0] > seen


def everything() -> dict[str, list[str]]:
    """Return every row of a load, without times."""
    tables = [
        "trials",
        "trial_versions",
        "documents",
        "document_text_pages",
        "document_links",
        "assets",
        "asset_aliases",
    ]
    tables += ["link_audit", "storage_objects", "storage_references"]
    query = (
        "SELECT coalesce(array_agg(line ORDER BY line), '{{}}')"
        " FROM (SELECT (to_jsonb(t) - %s::text[])::text AS line FROM {} t) x"
    )
    return {table: sql.value(query.format(table), [["last_seen_at"]]) for table in tables}


def test_trial_twice_in_a_file_gets_both_versions(load: Load, tmp_path: Path) -> None:
    changed = study(1, sponsorCollaboratorsModule=sponsor("Other Sponsor"))
    outcome = load("ctgov", jsonl(tmp_path / "studies.jsonl", [study(1), study(2), study(1), changed]))
    assert outcome.row("trials") == (2, 1, 1, 0)
    assert Trial.objects.get(nct_id="NCT00000001").sponsor_text == "Other Sponsor"
    assert TrialVersion.objects.filter(trial__nct_id="NCT00000001").count() == 2


def test_lost_documents_are_recreated(load: Load, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "studies.jsonl", [study(1), study(2)])
    load("ctgov", path)
    Document.objects.filter(source_url__contains="NCT00000001").delete()
    outcome = load("ctgov", path)
    assert outcome.row("trials") == (0, 0, 2, 0)
    assert outcome.row("documents") == (1, 0, 0, 0)
    assert outcome.row("links")[0] == 1


def test_run_and_cursor_are_recorded(load: Load, tmp_path: Path) -> None:
    records = [study(number, statusModule=status(posted=f"2024-0{number}-01")) for number in range(1, 5)]
    load("ctgov", jsonl(tmp_path / "studies.jsonl", [*records, "{}"]))
    run = IngestRun.objects.get()
    assert (run.source, run.total_returned, run.total_processed) == ("ctgov", 5, 4)
    assert (run.since_date, run.until_date) == (date(2024, 1, 1), date(2024, 4, 1))
    assert run.finished_at is not None
    state = IngestState.objects.get()
    assert state.cursor_last_update_posted == date(2024, 4, 1)
    load("ctgov", jsonl(tmp_path / "studies.jsonl", records[:1]))
    assert IngestState.objects.get().cursor_last_update_posted == date(2024, 4, 1)


def test_future_date_does_not_move_the_cursor_past_today(load: Load, tmp_path: Path) -> None:
    load("ctgov", jsonl(tmp_path / "studies.jsonl", [study(statusModule=status(posted="2099-01-01"))]))
    assert IngestState.objects.get().cursor_last_update_posted == datetime.now(UTC).date()


def test_trials_that_vanish_are_reported_and_kept(load: Load, tmp_path: Path) -> None:
    load("ctgov", jsonl(tmp_path / "a.jsonl", [study(1), study(2), study(3)]))
    report = tmp_path / "missing.csv"
    outcome = load("ctgov", jsonl(tmp_path / "b.jsonl", [study(2)]), missing=report)
    assert (outcome.code, Trial.objects.count()) == (0, 3)
    assert f"2 stored trials are not in these files and were kept: {report}." in outcome.out
    lines = report.read_text().splitlines()
    assert lines[0] == "nct_id,status,sponsor,last_seen_at"
    kept = Trial.objects.exclude(nct_id=study(2)["protocolSection"]["identificationModule"]["nctId"])
    assert [line.split(",")[0] for line in lines[1:]] == list(kept.order_by("nct_id").values_list("nct_id", flat=True))
