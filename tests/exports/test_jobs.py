"""A long list is exported by a job: in bounded memory, for its owner alone, and not for ever."""

import csv
import os
import stat
import tracemalloc
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.utils import timezone

from linkaudit.models import LinkAudit
from ncfd_site.core import sql
from ncfd_site.core.progress import Canceled, NullReporter
from ncfd_site.core.roles import Role
from ncfd_site.exports import jobs, sources
from ncfd_site.jobs.models import Job
from ncfd_site.jobs.queue import cancel
from tests.exports.conftest import share
from tests.factories import make_asset, make_document, make_link_audit, make_user
from tests.jobs.conftest import run
from tests.postgres import _free_port
from tests.web.reading import text_of

TWO = pytest.mark.django_db(transaction=True)
MANY = """
INSERT INTO link_audit
    (doc_id, asset_id, nct_id, link_type, confidence, heuristic_applied, review_notes, evidence_jsonb)
SELECT %s, %s, 'NCT' || lpad(n::text, 8, '0'), 'intervention_of_trial', 0.95, 'HP-2', '=1+1', jsonb_build_object('n', n)
FROM generate_series(1, %s) n
"""


def make_many(count: int) -> None:
    sql.execute(MANY, [make_document("A record.").pk, make_asset().pk, count])


@TWO
def test_long_list_is_written_by_a_job_in_bounded_memory(
    ana: Client, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "STREAMING_LIMIT", 10_000)
    make_many(12_000)
    page = ana.get("/exports/links/csv/")
    assert "The list has more than 10,000 rows." in text_of(page)
    answer = ana.post("/exports/links/csv/")
    job = Job.objects.get()
    assert answer["Location"] == f"/jobs/{job.pk}/"
    tracemalloc.start()
    try:
        assert run()[-1].startswith(f"Job {job.pk} is done: 12,000 rows, ")
        assert tracemalloc.get_traced_memory()[1] < 6 * 2**20
    finally:
        tracemalloc.stop()
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with file.open() as lines:
        assert lines.readline().startswith("# links: open links; rows: 12000; ")
        rows = list(csv.DictReader(lines))
    assert [int(row["audit_id"]) for row in rows] == list(LinkAudit.objects.order_by("pk").values_list("pk", flat=True))
    assert {row["review_notes"] for row in rows} == {"'=1+1"}
    page = ana.get(f"/jobs/{job.pk}/")
    assert f"/exports/files/{job.pk}/" in page.content.decode()
    got = ana.get(f"/exports/files/{job.pk}/")
    assert b"".join(got.streaming_content) == file.read_bytes()  # type: ignore[attr-defined]
    assert got["Content-Disposition"].startswith('attachment; filename="link_audit-open-links-')


@pytest.mark.django_db
def test_just_50_000_rows_are_streamed_and_no_table_is_counted(ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "STREAMING_LIMIT", 3)
    make_many(3)
    assert ana.get("/exports/links/csv/").streaming
    make_link_audit()
    assert not ana.get("/exports/links/csv/").streaming


def exported(client: Client) -> Job:
    """A short list, exported by a job."""
    make_link_audit()
    client.post("/exports/links/json/")
    run()
    return Job.objects.get()


@TWO
def test_the_file_is_for_its_owner_alone(ana: Client, folder: Path) -> None:
    job = exported(ana)
    other = Client()
    other.force_login(make_user(Role.OPERATOR))
    assert other.get(f"/exports/files/{job.pk}/").status_code == 404
    page = other.get(f"/jobs/{job.pk}/")
    assert "/exports/files/" not in page.content.decode()
    assert "Only ana can download the file." in text_of(page)
    got = ana.get(f"/exports/files/{job.pk}/")
    assert b"".join(got.streaming_content)  # type: ignore[attr-defined]
    assert ana.get("/exports/files/999/").status_code == 404
    # Who loses the right loses the file.
    ana.get("/")
    User.objects.get(username="ana").groups.clear()
    assert ana.get(f"/exports/files/{job.pk}/").status_code == 403


@TWO
def test_after_seven_days_it_is_gone_and_deleted(ana: Client, folder: Path) -> None:
    job = exported(ana)
    (file,) = folder.iterdir()
    old = timezone.now() - jobs.RETENTION - timedelta(minutes=1)
    Job.objects.update(finished_at=old)
    os.utime(file, (old.timestamp(), old.timestamp()))
    page = ana.get(f"/exports/files/{job.pk}/")
    assert page.status_code == 410
    assert "files are kept for 7 days" in text_of(page)
    assert list(folder.iterdir()) == []


@TWO
def test_a_canceled_export_leaves_no_file_and_can_start_again(
    ana: Client, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "FETCH_SIZE", 10)
    make_many(100)
    ana.post("/exports/links/jsonl/")
    job = Job.objects.get()

    class Stopping(NullReporter):
        def advance(self, count: int = 1, *, checkpoint: object = None, note: str = "") -> None:
            raise Canceled

    with pytest.raises(Canceled):
        jobs.EXPORT_LIST.run(job.arguments, Stopping("ana"))
    assert not folder.exists()
    # A worker that was killed after it had written the file, and before its job was done; the next one writes over it.
    folder.mkdir()
    (folder / f"{job.arguments['file']}.jsonl").write_text("half a row" * 1000)
    run()
    (file,) = folder.iterdir()
    assert len(file.read_text().splitlines()) == 101
    with pytest.raises(Exception, match="nothing to cancel"):
        cancel(job.pk, actor=User.objects.get())


@TWO
def test_a_disk_that_does_not_take_it_fails_the_job_with_a_sentence(ana: Client, folder: Path) -> None:
    folder.write_text("a file where the folder should be")
    make_link_audit()
    ana.post("/exports/links/json/")
    assert "The shared files cannot be used (Not a directory). Check SHARED_ROOT, then try again." in run()[-1]


@TWO
def test_a_file_that_this_machine_lacks_or_cannot_reach_is_explained(
    ana: Client, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    job = exported(ana)
    with override_settings(STORAGES={**settings.STORAGES, "shared": share(tmp_path / "elsewhere")}):
        page = ana.get(f"/exports/files/{job.pk}/")
    assert page.status_code == 404
    job.refresh_from_db()
    assert f"The file of job {job.pk} is not in the shared files of this site. {job.worker} wrote it" in text_of(page)
    assert "must set SHARED_ROOT of all sites and workers to the same place" in text_of(page)
    nowhere = share("s3://bucket/shared", f"http://127.0.0.1:{_free_port()}")
    with override_settings(STORAGES={**settings.STORAGES, "shared": nowhere}):
        page = ana.get(f"/exports/files/{job.pk}/")
    assert page.status_code == 503
    assert "The shared files cannot be used (EndpointConnectionError). Check SHARED_ROOT" in text_of(page)
