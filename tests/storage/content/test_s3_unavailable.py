"""An S3 service that cannot be asked says nothing about content, and its errors give nothing away."""

import re
import socket
import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from storage.content import (
    ContentMissing,
    ContentStore,
    ContentUnavailable,
    S3ContentStore,
    s3_client,
)
from tests.storage.conftest import ACCESS_KEY, SECRET_KEY
from tests.storage.content.answering import Answer, Answering, Handler, answering, break_off, drip, hang, stall
from tests.storage.content.shelves import BUCKET, s3_place, s3_shelf

URI = "s3://" + "0" * 64
ASKING: dict[str, Callable[[ContentStore], Any]] = {
    "read": lambda store: store.read(URI),
    "chunks": lambda store: list(store.chunks(URI)),
    "holds": lambda store: store.holds(URI),
    "size": lambda store: store.size(URI),
    "delete": lambda store: store.delete(URI),
    "addresses": lambda store: list(store.addresses()),
    "put": lambda store: store.put(b"content"),
    "put_all": lambda store: store.put_all([b"one", b"two"]),
}
every_act = pytest.mark.parametrize("act", ASKING)


def store_at(endpoint: str, bucket: str = BUCKET, *, attempts: int = 1) -> S3ContentStore:
    return S3ContentStore(s3_client(s3_place(endpoint, timeout=0.3, attempts=attempts)), bucket, "prefix")


def error(status: int, code: str) -> Answer:
    """Answers that repeat what a service may repeat of a request."""

    def answer(handler: Handler, state: Answering) -> None:
        handler.error(status, code, f"Key {ACCESS_KEY} of {SECRET_KEY}")

    return answer


def refusal(act: str, store: ContentStore) -> str:
    """What the act raises; nothing that a traceback prints holds a secret, an endpoint or a bucket."""
    with pytest.raises(ContentUnavailable) as raised:
        ASKING[act](store)
    printed = "".join(traceback.format_exception(raised.value, limit=0)) + repr(raised.value) + repr(store)
    for secret in (ACCESS_KEY, SECRET_KEY, BUCKET, "127.0.0.1"):
        assert secret not in printed
    said = str(raised.value)
    assert re.fullmatch(r"The S3 content store [^\n]*\.", said)
    return said


@pytest.fixture(autouse=True)
def _credentials(s3_credentials: None) -> None:
    pass


@every_act
@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (403, "AccessDenied", "refuses us (403"),
        (401, "Unauthorized", "refuses us (401"),
        (301, "PermanentRedirect", "sends us elsewhere"),
        (400, "BadRequest", "does not do what it is asked for (400"),
        (404, "NoSuchBucket", "has no such bucket (404"),
        (500, "InternalError", "does not do what it is asked for (500"),
        (503, "SlowDown", "does not do what it is asked for (503"),
    ],
)
def test_an_answer_that_is_an_error_is_not_missing_content(act: str, status: int, code: str, sentence: str) -> None:
    with answering(error(status, code)) as server:
        said = refusal(act, store_at(server.endpoint))
    assert sentence in said


@every_act
def test_not_found_by_whoever_is_no_s3_is_not_missing_content(act: str) -> None:
    def web_page(handler: Handler, state: Answering) -> None:
        handler.whole(404, b"<html>nothing here</html>" if handler.command != "HEAD" else b"")

    with answering(web_page) as server:
        refusal(act, store_at(server.endpoint))


def test_a_bucket_of_another_region_that_cannot_be_reached_is_not_missing_content() -> None:
    def elsewhere(handler: Handler, state: Answering) -> None:
        handler.whole(301, headers={"x-amz-bucket-region": "eu-west-3"})

    with answering(elsewhere) as server:
        assert "sends us elsewhere (301" in refusal("read", store_at(server.endpoint))


def test_only_a_key_that_is_not_there_is_missing_content() -> None:
    with answering(error(404, "NoSuchKey")) as server, pytest.raises(ContentMissing, match=URI):
        store_at(server.endpoint).read(URI)


@every_act
def test_a_bucket_that_is_not_there_is_not_missing_content(act: str, s3_endpoint: str) -> None:
    assert "has no such bucket (404" in refusal(act, store_at(s3_endpoint, "another-bucket"))


@every_act
def test_a_refused_connection_is_not_missing_content(act: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        port = taken.getsockname()[1]
        assert "cannot be reached" in refusal(act, store_at(f"http://127.0.0.1:{port}"))


@every_act
def test_no_answer_in_time_is_not_missing_content(act: str) -> None:
    with answering(hang) as server:
        begun = time.monotonic()
        assert "does not answer in time" in refusal(act, store_at(server.endpoint, attempts=2))
        # Two attempts of 0.3 seconds, and the pause between them.
        assert time.monotonic() - begun < 5


@every_act
def test_a_connection_that_is_dropped_is_not_missing_content(act: str) -> None:
    with answering(drip) as server:
        assert "cannot be reached, or breaks off" in refusal(act, store_at(server.endpoint))


@pytest.mark.parametrize("body", [break_off, stall])
@pytest.mark.parametrize("act", ["read", "chunks"])
def test_a_body_that_does_not_end_is_unavailable_and_not_damaged(act: str, body: Answer) -> None:
    with answering(body) as server:
        refusal(act, store_at(server.endpoint))


def test_a_list_that_breaks_off_does_not_look_whole() -> None:
    pages = iter(
        [
            b"<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken><Contents>"
            b"<Key>prefix/00/" + b"0" * 64 + b"</Key><Size>1</Size><LastModified>2024-01-01T00:00:00Z</LastModified>"
            b"</Contents></ListBucketResult>"
        ]
    )

    def first_page_only(handler: Handler, state: Answering) -> None:
        page = next(pages, None)
        handler.whole(200, page) if page else handler.error(503, "SlowDown")

    with answering(first_page_only) as server:
        listing = store_at(server.endpoint).addresses()
        assert next(listing).uri == URI
        with pytest.raises(ContentUnavailable, match="503 SlowDown"):
            next(listing)


def test_a_hiccup_is_tried_again() -> None:
    answers = iter([503, 200])

    def once(handler: Handler, state: Answering) -> None:
        status = next(answers)
        handler.whole(200) if status == 200 else handler.error(status, "SlowDown")

    with answering(once) as server:
        store_at(server.endpoint, attempts=2).put(iter([b"sent ", b"whole again"]))
    assert [request.body for request in server.requests] == [b"sent whole again"] * 2


def test_without_credentials_it_is_unavailable(monkeypatch: pytest.MonkeyPatch, s3_endpoint: str) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    store = S3ContentStore(s3_client(s3_place(s3_endpoint, timeout=7)), BUCKET, "prefix")
    for act in ASKING:
        assert "finds no credentials" in refusal(act, store)


def test_a_profile_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, s3_endpoint: str) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ContentUnavailable, match="finds no credentials"):
        s3_client(s3_place(s3_endpoint, timeout=8))


def test_after_a_failure_what_has_not_begun_is_not_begun() -> None:
    with answering(error(403, "AccessDenied")) as server, pytest.raises(ContentUnavailable):
        store_at(server.endpoint).put_all([b"%d" % number for number in range(400)])
    assert len(server.requests) < 200


def test_an_outage_loses_nothing(s3_endpoint: str) -> None:
    shelf = s3_shelf(s3_endpoint, "outage")
    stored = shelf.store.put(b"still there")
    with answering(error(503, "SlowDown")) as server:
        away = S3ContentStore(s3_client(s3_place(server.endpoint)), BUCKET, "outage")
        with pytest.raises(ContentUnavailable):
            away.delete(stored.uri)
        assert {request.method for request in server.requests} == {"HEAD"}
    assert shelf.store.read(stored.uri) == b"still there"
