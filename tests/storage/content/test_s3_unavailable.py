"""Unavailable S3 services: not mistaken for absent objects; errors leak nothing."""

import re
import socket
import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from storage.content import ContentStore
from storage.content.base import ContentNotFoundError, StoreUnavailableError
from storage.content.s3 import S3ContentStore
from storage.content.s3_client import get_s3_client
from tests.storage.conftest import ACCESS_KEY, SECRET_KEY
from tests.storage.content.fake_server import Answer, FakeServer, Handler, drop, hang, run_fake_server, stall, truncate
from tests.storage.content.harness import BUCKET, build_s3_location, create_s3_harness

URI = "s3://" + "0" * 64
METHODS: dict[str, Callable[[ContentStore], Any]] = {
    "read": lambda store: store.read(URI),
    "iter_chunks": lambda store: list(store.iter_chunks(URI)),
    "exists": lambda store: store.exists(URI),
    "get_size": lambda store: store.get_size(URI),
    "delete": lambda store: store.delete(URI),
    "list_objects": lambda store: list(store.list_objects()),
    "put": lambda store: store.put(b"content"),
    "put_many": lambda store: store.put_many([b"one", b"two"]),
}
every_method = pytest.mark.parametrize("method", METHODS)


def create_store(endpoint: str, bucket: str = BUCKET, *, timeout: float = 10, max_attempts: int = 1) -> S3ContentStore:
    location = build_s3_location(endpoint, timeout=timeout, max_attempts=max_attempts)
    return S3ContentStore(get_s3_client(location), bucket, "prefix")


def answer_error(status: int, code: str) -> Answer:
    """Return an answer that echoes the request's credentials, as services may do."""

    def answer(handler: Handler, state: FakeServer) -> None:
        handler.respond_error(status, code, f"Key {ACCESS_KEY} of {SECRET_KEY}")

    return answer


def read_error(method: str, store: ContentStore) -> str:
    """Return the message of the error after checking that its traceback leaks nothing."""
    with pytest.raises(StoreUnavailableError) as raised:
        METHODS[method](store)
    printed = "".join(traceback.format_exception(raised.value, limit=0)) + repr(raised.value) + repr(store)
    for secret in (ACCESS_KEY, SECRET_KEY, BUCKET, "127.0.0.1"):
        assert secret not in printed
    message = str(raised.value)
    assert re.fullmatch(r"The S3 content store [^\n]*\.", message)
    return message


@pytest.fixture(autouse=True)
def _credentials(s3_credentials: None) -> None:
    pass


@every_method
@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (403, "AccessDenied", "denied access (403"),
        (401, "Unauthorized", "denied access (401"),
        (301, "PermanentRedirect", "redirects"),
        (400, "BadRequest", "failed (400"),
        (404, "NoSuchBucket", "has no such bucket (404"),
        (500, "InternalError", "failed (500"),
        (503, "SlowDown", "failed (503"),
    ],
)
def test_error_response_is_not_taken_for_an_absent_object(method: str, status: int, code: str, sentence: str) -> None:
    with run_fake_server(answer_error(status, code)) as server:
        message = read_error(method, create_store(server.endpoint))
    assert sentence in message


@every_method
def test_404_of_another_service_is_not_taken_for_an_absent_object(method: str) -> None:
    def web_page(handler: Handler, state: FakeServer) -> None:
        handler.respond(404, b"<html>nothing here</html>" if handler.command != "HEAD" else b"")

    with run_fake_server(web_page) as server:
        read_error(method, create_store(server.endpoint))


def test_redirect_to_another_region_is_not_taken_for_an_absent_object() -> None:
    def redirect(handler: Handler, state: FakeServer) -> None:
        handler.respond(301, headers={"x-amz-bucket-region": "eu-west-3"})

    with run_fake_server(redirect) as server:
        assert "redirects elsewhere (301" in read_error("read", create_store(server.endpoint))


def test_missing_key_is_an_absent_object() -> None:
    with run_fake_server(answer_error(404, "NoSuchKey")) as server, pytest.raises(ContentNotFoundError, match=URI):
        create_store(server.endpoint).read(URI)


@every_method
def test_missing_bucket_is_not_taken_for_an_absent_object(method: str, s3_endpoint: str) -> None:
    assert "has no such bucket (404" in read_error(method, create_store(s3_endpoint, "another-bucket"))


@every_method
def test_refused_connection_is_not_taken_for_an_absent_object(method: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        port = taken.getsockname()[1]
        assert "cannot be reached" in read_error(method, create_store(f"http://127.0.0.1:{port}"))


@every_method
def test_timeout_is_not_taken_for_an_absent_object(method: str) -> None:
    with run_fake_server(hang) as server:
        started = time.monotonic()
        assert "timed out" in read_error(method, create_store(server.endpoint, timeout=0.3, max_attempts=2))
        # Two attempts of 0.3 seconds and a pause take about 1.5 seconds; the default timeouts take 90.
        assert time.monotonic() - started < 30


@every_method
def test_dropped_connection_is_not_taken_for_an_absent_object(method: str) -> None:
    with run_fake_server(drop) as server:
        assert "cannot be reached" in read_error(method, create_store(server.endpoint))


@pytest.mark.parametrize("body", [stall, truncate])
@pytest.mark.parametrize("method", ["read", "iter_chunks"])
def test_incomplete_body_is_unavailable_rather_than_corrupt(method: str, body: Answer) -> None:
    with run_fake_server(body) as server:
        read_error(method, create_store(server.endpoint, timeout=0.3))


def test_interrupted_listing_raises() -> None:
    pages = iter(
        [
            b"<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken><Contents>"
            b"<Key>prefix/00/" + b"0" * 64 + b"</Key><Size>1</Size><LastModified>2024-01-01T00:00:00Z</LastModified>"
            b"</Contents></ListBucketResult>"
        ]
    )

    def first_page_only(handler: Handler, state: FakeServer) -> None:
        page = next(pages, None)
        handler.respond(200, page) if page else handler.respond_error(503, "SlowDown")

    with run_fake_server(first_page_only) as server:
        listing = create_store(server.endpoint).list_objects()
        assert next(listing).uri == URI
        with pytest.raises(StoreUnavailableError, match="503 SlowDown"):
            next(listing)


def test_transient_error_is_retried() -> None:
    answers = iter([503, 200])

    def fail_once(handler: Handler, state: FakeServer) -> None:
        status = next(answers)
        handler.respond(200) if status == 200 else handler.respond_error(status, "SlowDown")

    with run_fake_server(fail_once) as server:
        create_store(server.endpoint, max_attempts=2).put(iter([b"sent ", b"whole again"]))
    assert [request.body for request in server.requests] == [b"sent whole again"] * 2


def test_missing_credentials_are_reported(monkeypatch: pytest.MonkeyPatch, s3_endpoint: str) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    store = S3ContentStore(get_s3_client(build_s3_location(s3_endpoint, timeout=7)), BUCKET, "prefix")
    for method in METHODS:
        assert "has no credentials" in read_error(method, store)


def test_missing_profile_is_reported(monkeypatch: pytest.MonkeyPatch, s3_endpoint: str) -> None:
    monkeypatch.setenv("AWS_PROFILE", "missing")
    with pytest.raises(StoreUnavailableError, match="has no credentials"):
        get_s3_client(build_s3_location(s3_endpoint, timeout=8))


def test_put_many_stops_after_a_failure() -> None:
    with run_fake_server(answer_error(403, "AccessDenied")) as server, pytest.raises(StoreUnavailableError):
        create_store(server.endpoint).put_many([b"%d" % number for number in range(400)])
    assert len(server.requests) < 200


def test_outage_loses_nothing(s3_endpoint: str) -> None:
    harness = create_s3_harness(s3_endpoint, "outage")
    stored = harness.store.put(b"still there")
    with run_fake_server(answer_error(503, "SlowDown")) as server:
        store = S3ContentStore(get_s3_client(build_s3_location(server.endpoint)), BUCKET, "outage")
        with pytest.raises(StoreUnavailableError):
            store.delete(stored.uri)
        assert {request.method for request in server.requests} == {"HEAD"}
    assert harness.store.read(stored.uri) == b"still there"
