"""Interrupted, killed and concurrent loads give the same result as one complete load."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections

from ncfd_site.core import sql
from ncfd_site.ingest import batches
from signals.models import IngestRun, Trial
from storage.content import get_content_store, local
from storage.models import Document, StorageObject
from tests.ingest.conftest import Load
from tests.ingest.lists import as_csv
from tests.ingest.studies import (
    Json,
    interventions,
    jsonl,
    study,
)

# Records of the file and of a batch; the last tenth repeats trials of the file.
COUNT, BATCH = 1500, 100
TRIALS = COUNT - COUNT // 10
pytestmark = pytest.mark.django_db(transaction=True)

# Rows of a load, without generated keys and times.
LOADED_ROWS = """
SELECT 'trial ' || nct_id || ' ' || current_sha256 || ' ' || sponsor_text FROM trials
UNION ALL SELECT 'version ' || t.nct_id || ' ' || v.sha256 || ' ' || coalesce(v.changes_jsonb::text, '')
    FROM trial_versions v JOIN trials t USING (trial_id)
UNION ALL SELECT 'document ' || d.source_url || ' ' || d.sha256 || ' ' || p.page_no || p.text || o.refcount
    FROM documents d JOIN document_text_pages p USING (doc_id) JOIN storage_objects o USING (object_id)
UNION ALL SELECT 'reference ' || d.source_url FROM storage_references r JOIN documents d ON d.doc_id = r.referenced_id
UNION ALL SELECT 'alias ' || a.names_jsonb::text || ' ' || l.alias || ' ' || l.alias_type
    FROM assets a JOIN asset_aliases l USING (asset_id)
UNION ALL SELECT 'link ' || d.source_url || ' ' || a.names_jsonb::text || k.nct_id || k.evidence_jsonb::text
    FROM link_audit k JOIN documents d USING (doc_id) JOIN assets a USING (asset_id)
UNION ALL SELECT 'tie ' || nct_id FROM document_links
UNION ALL SELECT 'state ' || cursor_last_update_posted FROM ctgov_ingest_state
"""


def left_behind() -> list[str]:
    lines: list[str] = sql.value(f"SELECT array_agg(line ORDER BY line) FROM ({LOADED_ROWS}) AS found (line)")
    return lines


def records(count: int) -> list[Json]:
    """Return records; some are of one trial, and trials share drugs."""
    return [
        study(
            number % TRIALS + 1,
            armsInterventionsModule=interventions(("DRUG", f"Number{number % 50}mab 10 mg"), f"Number{number % 70}mab"),
            conditionsModule={"conditions": [f"Condition {number}"]},
        )
        for number in range(count)
    ]


@pytest.fixture
def whole_run(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, list[str]]:
    """A file and the rows that one complete load of it creates; the database is emptied afterwards."""
    monkeypatch.setattr(batches, "SIZE", BATCH)
    path = jsonl(tmp_path / "studies.jsonl", records(COUNT))
    load("ctgov", path)
    expected = left_behind()
    assert sum(line.startswith("link ") for line in expected) > COUNT
    for table in (
        "link_audit",
        "document_links",
        "documents",
        "storage_references",
        "storage_objects",
        "assets",
        "trials",
    ):
        sql.execute(f"DELETE FROM {table}")
    sql.execute("DELETE FROM ctgov_ingest_state")
    sql.execute("DELETE FROM ingest_runs")
    return path, expected


def test_load_resumes_after_ctrl_c(
    load: Load, whole_run: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, expected = whole_run
    seen = 0

    def stop(self: Any, count: int) -> None:
        nonlocal seen
        seen += count
        if seen >= COUNT // 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("ncfd_site.ingest.runs.LoadProgress.add_records", stop)
        outcome = load("ctgov", path)
    assert outcome.code == 130
    assert "run the same command again" in outcome.message
    assert 0 < Trial.objects.count() < TRIALS
    assert IngestRun.objects.get().finished_at is None
    outcome = load("ctgov", path)
    assert outcome.code == 0
    assert left_behind() == expected


def test_load_resumes_after_a_kill(load: Load, whole_run: tuple[Path, list[str]]) -> None:
    path, expected = whole_run
    _kill_a_load_after(BATCH, path)
    assert BATCH <= Trial.objects.count() < TRIALS
    outcome = load("ctgov", path)
    assert outcome.code == 0
    assert outcome.row("trials")[2] >= BATCH
    assert left_behind() == expected


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_batch_whose_content_is_not_durable_commits_nothing(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(batches, "SIZE", 40)
    path = jsonl(tmp_path / "studies.jsonl", [study(number) for number in range(1, 101)])
    sync, syncs = local._sync_file_system, iter([True])

    def fail_second(handle: int) -> None:
        if not next(syncs, False):
            raise OSError(number, os.strerror(number))
        sync(handle)

    with monkeypatch.context() as patched:
        patched.setattr(local, "_sync_file_system", fail_second)
        outcome = load("ctgov", path)
    assert (outcome.code, os.strerror(number) in outcome.message) == (6, True)
    assert Trial.objects.count() == Document.objects.count() == StorageObject.objects.count() == 40
    store = get_content_store()
    assert all(store.exists(uri) for uri in StorageObject.objects.values_list("storage_uri", flat=True))
    assert load("ctgov", path).row("trials") == (60, 0, 40, 0)


def test_concurrent_loads_equal_one_load(load: Load, whole_run: tuple[Path, list[str]]) -> None:
    path, expected = whole_run
    other = _load_in_a_process_of_its_own(path)
    outcome = load("ctgov", path)
    assert other.wait(60) == outcome.code == 0
    assert left_behind() == expected


def _kill_a_load_after(count: int, path: Path) -> None:
    """Load in a child process and kill it once that many trials are committed."""
    process = _load_in_a_process_of_its_own(path)
    deadline = time.monotonic() + 300
    while Trial.objects.count() < count:
        assert process.poll() is None, "the load finished before the kill"
        assert time.monotonic() < deadline, "the load made no progress"
        time.sleep(0.01)
    process.kill()
    assert process.wait(120) == -signal.SIGKILL


def _load_in_a_process_of_its_own(path: Path) -> subprocess.Popen[bytes]:
    begin = (
        "import sys, django; django.setup();"
        "from pathlib import Path; from django.conf import settings; from django.db import connections;"
        f"settings.CONTENT_ROOT = Path({str(settings.CONTENT_ROOT)!r});"
        f"connections['default'].settings_dict['NAME'] = {connections['default'].settings_dict['NAME']!r};"
        f"from ncfd_site.ingest import batches; batches.SIZE = {BATCH};"
        "from django.core.management import call_command; call_command('load_ctgov', sys.argv[1], verbosity=0)"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "ncfd_site.settings"}
    return subprocess.Popen([sys.executable, "-c", begin, str(path)], env=environment, cwd=settings.BASE_DIR)


def test_failed_ticker_list_changes_nothing(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = as_csv(
        tmp_path / "list.csv", *[(number, f"Company {number}", f"T{number}", "NYSE") for number in range(1, 50)]
    )

    def stop(self: Any, count: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("ncfd_site.ingest.runs.LoadProgress.add_records", stop)
        assert load("sec_tickers", path).code == 130
    assert sql.value("SELECT count(*) FROM companies") == sql.value("SELECT count(*) FROM securities") == 0
    assert load("sec_tickers", path).row("securities") == (49, 0, 0, 0)
