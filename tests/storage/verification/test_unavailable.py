"""Unavailable stores: checks are skipped, and nothing is reported as missing."""

import hashlib
import socket
from pathlib import Path
from typing import Any

import pytest

from ncfd_site.config.errors import ExitCode
from storage.content import ContentStore, get_content_store
from storage.content.backends import MAX_FAILURES, StorePool
from storage.content.s3 import S3ContentStore
from storage.content.s3_client import get_s3_client
from storage.verification import (
    Check,
    Finding,
    FindingKind,
    Summary,
)
from tests import factories
from tests.config.commands import manage, production
from tests.storage.content.fake_server import Answer, FakeServer, Handler, hang, run_fake_server, stall
from tests.storage.content.harness import BUCKET, build_s3_location
from tests.storage.verification.runs import run_verification
from tests.storage.verification.site import Site, run_command, store_object

pytestmark = pytest.mark.django_db


def answer_error(status: int, code: str) -> Answer:
    def answer(handler: Handler, state: object) -> None:
        handler.respond_error(status, code)

    return answer


def create_stores(endpoint: str, bucket: str = BUCKET, *, timeout: float = 10) -> StorePool:
    """Return the local store and an S3 store at an endpoint."""

    def open_store(backend: str) -> ContentStore:
        if backend == "local":
            return get_content_store("local")
        return S3ContentStore(
            get_s3_client(build_s3_location(endpoint, timeout=timeout, max_attempts=1)), bucket, "prefix"
        )

    return StorePool(open_store)


def store_in_both(number: int = 3) -> None:
    for count in range(number):
        store_object(b"local %d" % count)
        store_object(b"far %d" % count, "s3")


def assert_skipped(found: list[Finding], summary: Summary, reason: str, rows: int = 3) -> None:
    assert found == []
    assert not summary.is_complete
    assert list(summary.unavailable) == ["s3"]
    assert reason in summary.unavailable["s3"].reason
    assert summary.unavailable["s3"].skipped_counts == {"presence": rows, "hashes": rows, "orphans": 0}
    assert summary.checks["presence"].checked_count == summary.checks["hashes"].checked_count == rows
    assert summary.checks["counts"].checked_count == 2 * rows


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (403, "AccessDenied", "denied access (403"),
        (500, "InternalError", "failed (500"),
        (503, "SlowDown", "failed (503"),
        (404, "NoSuchBucket", "has no such bucket"),
    ],
)
def test_service_error_is_not_reported_as_missing(site: Site, status: int, code: str, reason: str) -> None:
    store_in_both()
    with run_fake_server(answer_error(status, code)) as server:
        assert_skipped(*run_verification(stores=create_stores(server.endpoint)), reason)


def test_timeout_is_not_reported_as_missing(site: Site) -> None:
    store_in_both()
    with run_fake_server(hang) as server:
        assert_skipped(*run_verification(stores=create_stores(server.endpoint, timeout=0.3)), "timed out")


def test_incomplete_body_is_not_reported_as_corrupt(site: Site) -> None:
    store_in_both()
    with run_fake_server(stall) as server:
        found, summary = run_verification(stores=create_stores(server.endpoint, timeout=0.3))
    assert not [one for one in found if one.kind in (FindingKind.CORRUPT, FindingKind.MISSING)]
    assert summary.unavailable["s3"].skipped_counts["hashes"] == 3


def test_unavailable_service_is_not_called_for_every_object(site: Site) -> None:
    store_in_both(10 * MAX_FAILURES)
    with run_fake_server(answer_error(503, "SlowDown")) as server:
        assert_skipped(*run_verification(stores=create_stores(server.endpoint)), "(503", 10 * MAX_FAILURES)
        # Requests in progress at the last failure are counted too.
        assert len(server.requests) <= 3 * MAX_FAILURES


def test_short_outage_skips_only_concurrent_requests(site: Site) -> None:
    for number in range(40):
        factories.make_storage_object(
            b"far %02d" % number, backend_type="s3", tier="s3", storage_uri=_build_uri(number)
        )

    def recover(handler: Handler, state: FakeServer) -> None:
        if len(state.requests) <= 5:
            handler.respond_error(503, "SlowDown")
        else:
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(b"far 00")))
            handler.end_headers()

    with run_fake_server(recover) as server:
        found, summary = run_verification(Check.PRESENCE, stores=create_stores(server.endpoint))
    assert found == []
    # The small server may drop more connections than it should.
    skipped = summary.unavailable["s3"].skipped_counts["presence"]
    assert 5 <= skipped < 40
    assert summary.checks["presence"].checked_count == 40 - skipped


def _build_uri(number: int) -> str:
    return f"s3://{hashlib.sha256(b'far %02d' % number).hexdigest()}"


def test_refused_connection_is_not_reported_as_missing(site: Site) -> None:
    store_in_both()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        unavailable = create_stores(f"http://127.0.0.1:{taken.getsockname()[1]}")
        assert_skipped(*run_verification(stores=unavailable), "cannot be reached")


def test_command_reports_unconfigured_s3_once_with_counts(site: Site, settings: Any) -> None:
    store_in_both()
    settings.CONTENT_S3_BUCKET = ""
    result = run_command("storage_verify")
    assert result.code == ExitCode.PARTIAL
    assert result.error == "No errors found, but some checks were skipped."
    assert result.out.count("The S3 content store is not configured") == 1
    assert result.lines[-1] == (
        "The S3 content store is not configured. Set CONTENT_S3_BUCKET to the bucket's name. Skipped: presence of 3 "
        "objects, hashes of 3 objects, listing of s3."
    )


def test_unused_s3_need_not_be_configured(site: Site, settings: Any) -> None:
    store_object(b"local")
    settings.CONTENT_S3_BUCKET = ""
    assert run_command("storage_verify").code == 0


def test_unmounted_disk_is_not_reported_as_missing(site: Site) -> None:
    store_in_both()
    site.root.rename(site.root.parent / "elsewhere")
    result = run_command("storage_verify")
    assert result.code == ExitCode.PARTIAL
    assert "missing object" not in result.out
    assert "Check the folder CONTENT_ROOT. Skipped: presence of 3 objects, hashes of 3 objects" in result.out


def test_errors_in_other_stores_are_reported(site: Site) -> None:
    store_in_both()
    missing = store_object(b"gone")
    site.remove(missing)
    with run_fake_server(answer_error(403, "AccessDenied")) as server:
        found, summary = run_verification(stores=create_stores(server.endpoint))
    assert [(one.kind, one.object_id) for one in found] == [(FindingKind.MISSING, missing.pk)]
    assert not summary.is_complete


@pytest.mark.parametrize("name", ["storage_verify", "storage_repair"])
def test_unavailable_database_is_not_a_finding(tmp_path: Path, name: str) -> None:
    result = manage(tmp_path, name, **production("postgresql://olga:x@127.0.0.1:1/ncfd"))
    assert result.code == ExitCode.UNUSABLE_CONNECTION
