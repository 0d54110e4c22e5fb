"""A store that cannot be asked says nothing about content: not everything was checked, and nothing is missing."""

import hashlib
import socket
from pathlib import Path
from typing import Any

import pytest

from storage.content import ContentStore, S3ContentStore, get_content_store, get_s3_client
from storage.verification import (
    Check,
    Finding,
    Kind,
    Summary,
)
from storage.verification.stores import PATIENCE, Stores
from tests import factories
from tests.config.commands import manage, production
from tests.storage.content.fake_server import Answer, FakeServer, Handler, hang, run_fake_server, stall
from tests.storage.content.harness import BUCKET, build_s3_location
from tests.storage.verification.looking import checked
from tests.storage.verification.site import Site, command, keep

pytestmark = pytest.mark.django_db


def error(status: int, code: str) -> Answer:
    def answer(handler: Handler, state: object) -> None:
        handler.respond_error(status, code)

    return answer


def stores_at(endpoint: str, bucket: str = BUCKET) -> Stores:
    """The local store as it is, and that of S3 there, with little patience."""

    def opened(backend: str) -> ContentStore:
        if backend == "local":
            return get_content_store("local")
        return S3ContentStore(get_s3_client(build_s3_location(endpoint, timeout=0.3, max_attempts=1)), bucket, "prefix")

    return Stores(opened)


def content_in_both(number: int = 3) -> None:
    for count in range(number):
        keep(b"local %d" % count)
        keep(b"far %d" % count, "s3")


def require_unchecked(found: list[Finding], summary: Summary, reason: str, rows: int = 3) -> None:
    assert found == []
    assert not summary.is_complete
    assert list(summary.unavailable) == ["s3"]
    assert reason in summary.unavailable["s3"].reason
    assert summary.unavailable["s3"].unchecked == {"bytes": rows, "hashes": rows, "orphans": 0}
    assert summary.checks["bytes"].looked_at == summary.checks["hashes"].looked_at == rows
    assert summary.checks["counts"].looked_at == 2 * rows


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (403, "AccessDenied", "denied access (403"),
        (500, "InternalError", "failed (500"),
        (503, "SlowDown", "failed (503"),
        (404, "NoSuchBucket", "has no such bucket"),
    ],
)
def test_an_error_of_the_service_is_not_missing_content(site: Site, status: int, code: str, reason: str) -> None:
    content_in_both()
    with run_fake_server(error(status, code)) as server:
        require_unchecked(*checked(stores=stores_at(server.endpoint)), reason)


def test_no_answer_in_time_is_not_missing_content(site: Site) -> None:
    content_in_both()
    with run_fake_server(hang) as server:
        require_unchecked(*checked(stores=stores_at(server.endpoint)), "timed out")


def test_a_body_that_does_not_end_is_not_damage(site: Site) -> None:
    content_in_both()
    with run_fake_server(stall) as server:
        found, summary = checked(stores=stores_at(server.endpoint))
    assert not [one for one in found if one.kind in (Kind.DAMAGED, Kind.MISSING)]
    assert summary.unavailable["s3"].unchecked["hashes"] == 3


def test_a_service_that_is_away_is_not_asked_for_every_row(site: Site) -> None:
    content_in_both(10 * PATIENCE)
    with run_fake_server(error(503, "SlowDown")) as server:
        require_unchecked(*checked(stores=stores_at(server.endpoint)), "(503", 10 * PATIENCE)
        # Those that were on their way when patience ended are asked as well.
        assert len(server.requests) <= 3 * PATIENCE


def test_a_short_outage_costs_only_what_was_asked_for_meanwhile(site: Site) -> None:
    for number in range(40):
        factories.make_storage_object(b"far %02d" % number, backend_type="s3", tier="s3", storage_uri=_uri(number))

    def recovering(handler: Handler, state: FakeServer) -> None:
        if len(state.requests) <= 5:
            handler.respond_error(503, "SlowDown")
        else:
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(b"far 00")))
            handler.end_headers()

    with run_fake_server(recovering) as server:
        found, summary = checked(Check.BYTES, stores=stores_at(server.endpoint))
    assert found == []
    # So many connections at once may cost the small server of the test one or the other more.
    unchecked = summary.unavailable["s3"].unchecked["bytes"]
    assert 5 <= unchecked < 40
    assert summary.checks["bytes"].looked_at == 40 - unchecked


def _uri(number: int) -> str:
    return f"s3://{hashlib.sha256(b'far %02d' % number).hexdigest()}"


def test_a_refused_connection_is_not_missing_content(site: Site) -> None:
    content_in_both()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        away = stores_at(f"http://127.0.0.1:{taken.getsockname()[1]}")
        require_unchecked(*checked(stores=away), "cannot be reached")


def test_the_command_says_once_that_s3_is_not_configured_and_how_many_rows_lie_there(site: Site, settings: Any) -> None:
    content_in_both()
    settings.CONTENT_S3_BUCKET = ""
    ended = command("storage_verify")
    assert ended.code == 7
    assert ended.said == "Nothing wrong was found, but not everything could be checked."
    assert ended.out.count("The S3 content store is not configured") == 1
    assert ended.lines[-1] == (
        "The S3 content store is not configured. Set CONTENT_S3_BUCKET to the bucket's name. 3 rows "
        "(bytes) and 3 rows (hashes) could not be checked. What lies in s3 could not be listed."
    )


def test_s3_need_not_be_configured_where_nothing_lies_there(site: Site, settings: Any) -> None:
    keep(b"local")
    settings.CONTENT_S3_BUCKET = ""
    assert command("storage_verify").code == 0


def test_a_disk_that_is_not_mounted_has_lost_nothing(site: Site) -> None:
    content_in_both()
    site.root.rename(site.root.parent / "elsewhere")
    ended = command("storage_verify")
    assert ended.code == 7
    assert "missing" not in ended.out
    assert "Check the folder CONTENT_ROOT. 3 rows (bytes) and 3 rows (hashes) could not be checked" in ended.out


def test_what_is_wrong_elsewhere_is_told_all_the_same(site: Site) -> None:
    content_in_both()
    gone = keep(b"gone")
    site.remove(gone)
    with run_fake_server(error(403, "AccessDenied")) as server:
        found, summary = checked(stores=stores_at(server.endpoint))
    assert [(one.kind, one.object_id) for one in found] == [(Kind.MISSING, gone.pk)]
    assert not summary.is_complete


@pytest.mark.parametrize("name", ["storage_verify", "storage_repair"])
def test_a_database_that_is_away_is_not_something_wrong(tmp_path: Path, name: str) -> None:
    ended = manage(tmp_path, name, **production("postgresql://olga:x@127.0.0.1:1/ncfd"))
    assert "nothing listens there" in ended.error()
