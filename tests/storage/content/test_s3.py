"""Behavior of the S3 backend: keys, prefixes, checksums, limits."""

import hashlib
import os
from base64 import b64decode
from collections.abc import Iterator

import pytest

from storage.content import s3 as s3_backend
from storage.content.base import CHUNK, ContentNotFoundError, ContentTooLargeError, StoreFullError
from storage.content.s3 import S3ContentStore
from storage.content.s3_client import S3Location, get_s3_client
from storage.content.spool import IN_MEMORY
from tests.storage.content.fake_server import FakeServer, Handler, run_fake_server
from tests.storage.content.harness import BUCKET, build_s3_location, create_s3_harness

pytestmark = pytest.mark.usefixtures("s3_credentials")


def test_key_is_the_hash_below_the_prefix(s3_endpoint: str) -> None:
    client = get_s3_client(build_s3_location(s3_endpoint))
    stored = S3ContentStore(client, BUCKET, "keys/prefix").put(b"content")
    found = client.get_object(Bucket=BUCKET, Key=f"keys/prefix/{stored.sha256[:2]}/{stored.sha256}")
    assert found["Body"].read() == b"content"


def test_stores_in_one_bucket_are_isolated_by_prefix(s3_endpoint: str) -> None:
    ours, longer, above = (create_s3_harness(s3_endpoint, prefix).store for prefix in ("p/ours", "p/ours-too", "p"))
    stored = longer.put(b"theirs")
    above.put(b"above")
    assert list(ours.list_objects()) == []
    assert not ours.exists(stored.uri)
    assert ours.delete(stored.uri) is False
    assert longer.read(stored.uri) == b"theirs"
    assert len(list(above.list_objects())) == 1


def test_lists_more_than_one_page(s3_endpoint: str) -> None:
    store = create_s3_harness(s3_endpoint, "pages").store
    stored = store.put_many([b"%d" % number for number in range(1010)])
    assert [one.uri for one in store.list_objects()] == sorted(one.uri for one in stored)


@pytest.mark.parametrize("size", [0, 5, IN_MEMORY + 1])
def test_put_sends_hash_and_length_and_resends_known_bytes(size: int) -> None:
    def accept(handler: Handler, state: FakeServer) -> None:
        handler.respond(200)

    data = os.urandom(size)
    with run_fake_server(accept) as server:
        store = S3ContentStore(get_s3_client(build_s3_location(server.endpoint)), BUCKET, "prefix")
        store.put(data)
        store.put(iter([data[:3], data[3:]]))
    first, second = server.requests
    assert first.method == second.method == "PUT"
    assert first.path == f"/{BUCKET}/prefix/{hashlib.sha256(data).hexdigest()[:2]}/{hashlib.sha256(data).hexdigest()}"
    for request in (first, second):
        headers = {name.lower(): value for name, value in request.headers.items()}
        assert request.body == data
        assert headers["content-length"] == str(size)
        assert b64decode(headers["x-amz-checksum-sha256"]) == hashlib.sha256(data).digest()
        assert "if-none-match" not in headers


def test_rejects_content_beyond_the_size_limit(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_backend, "MAX_SIZE", 3 * CHUNK)
    harness = create_s3_harness(s3_endpoint, "most")
    yielded: list[int] = []

    def endless() -> Iterator[bytes]:
        while True:
            yielded.append(CHUNK)
            yield bytes(CHUNK)

    with pytest.raises(ContentTooLargeError, match="exceeds 3,145,728 bytes"):
        harness.store.put(endless())
    assert len(yielded) == 4
    assert harness.count() == 0
    assert harness.store.put(bytes(3 * CHUNK)).size == 3 * CHUNK


def test_large_content_is_spooled_to_disk(monkeypatch: pytest.MonkeyPatch, s3_endpoint: str) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    harness = create_s3_harness(s3_endpoint, "spool")
    assert harness.store.put(bytes(IN_MEMORY)).size == IN_MEMORY
    with pytest.raises(StoreFullError, match=r"^The folder for temporary files cannot hold the content: No such file"):
        harness.store.put(bytes(IN_MEMORY + 1))
    assert harness.count() == 1


def test_absent_object_is_not_found_in_an_existing_bucket(s3_endpoint: str) -> None:
    store = create_s3_harness(s3_endpoint, "missing").store
    with pytest.raises(ContentNotFoundError):
        store.get_size("s3://" + "0" * 64)


def test_clients_are_cached_by_location() -> None:
    assert get_s3_client(build_s3_location("http://127.0.0.1:1")) is get_s3_client(
        build_s3_location("http://127.0.0.1:1")
    )
    assert get_s3_client(build_s3_location("http://127.0.0.1:1")) is not get_s3_client(
        build_s3_location("http://127.0.0.1:2")
    )


@pytest.mark.parametrize(
    ("endpoint", "url"), [("", f"https://{BUCKET}.s3."), ("https://s3.example", f"https://s3.example/{BUCKET}/k")]
)
def test_bucket_is_addressed_by_path_at_custom_endpoints(endpoint: str, url: str) -> None:
    client = get_s3_client(S3Location(BUCKET, endpoint=endpoint, region="eu-central-1"))
    assert client.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "k"}).startswith(url)
