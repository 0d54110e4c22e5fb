"""What the S3 backend does beyond what all do: keys, prefixes, checksums, limits."""

import hashlib
import os
from base64 import b64decode
from collections.abc import Iterator

import pytest

from storage.content import (
    CHUNK,
    ContentFull,
    ContentMissing,
    ContentTooLarge,
    S3ContentStore,
    S3Place,
    s3_client,
)
from storage.content import s3 as s3_backend
from storage.content.spool import IN_MEMORY
from tests.storage.content.answering import Answering, Handler, answering
from tests.storage.content.shelves import BUCKET, s3_place, s3_shelf

pytestmark = pytest.mark.usefixtures("s3_credentials")


def test_keys_are_hashes_under_the_prefix(s3_endpoint: str) -> None:
    client = s3_client(s3_place(s3_endpoint))
    stored = S3ContentStore(client, BUCKET, "keys/of/ours").put(b"content")
    found = client.get_object(Bucket=BUCKET, Key=f"keys/of/ours/{stored.sha256[:2]}/{stored.sha256}")
    assert found["Body"].read() == b"content"


def test_a_store_knows_nothing_of_others_in_its_bucket(s3_endpoint: str) -> None:
    ours, longer, above = (s3_shelf(s3_endpoint, prefix).store for prefix in ("p/ours", "p/ours-too", "p"))
    stored = longer.put(b"theirs")
    above.put(b"above")
    assert list(ours.addresses()) == []
    assert not ours.holds(stored.uri)
    assert ours.delete(stored.uri) is False
    assert longer.read(stored.uri) == b"theirs"
    assert len(list(above.addresses())) == 1


def test_lists_more_than_one_answer_tells(s3_endpoint: str) -> None:
    store = s3_shelf(s3_endpoint, "pages").store
    stored = store.put_all([b"%d" % number for number in range(1010)])
    assert [held.uri for held in store.addresses()] == sorted(one.uri for one in stored)


@pytest.mark.parametrize("size", [0, 5, IN_MEMORY + 1])
def test_sends_hash_and_length_and_sends_known_bytes_again(size: int) -> None:
    def take(handler: Handler, state: Answering) -> None:
        handler.whole(200)

    data = os.urandom(size)
    with answering(take) as server:
        store = S3ContentStore(s3_client(s3_place(server.endpoint)), BUCKET, "prefix")
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


def test_what_s3_takes_in_one_request_is_the_most(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_backend, "MOST", 3 * CHUNK)
    shelf = s3_shelf(s3_endpoint, "most")
    taken: list[int] = []

    def endless() -> Iterator[bytes]:
        while True:
            taken.append(CHUNK)
            yield bytes(CHUNK)

    with pytest.raises(ContentTooLarge, match="more than 3,145,728 bytes"):
        shelf.store.put(endless())
    assert len(taken) == 4
    assert shelf.count() == 0
    assert shelf.store.put(bytes(3 * CHUNK)).size == 3 * CHUNK


def test_content_that_grows_is_kept_out_of_memory(monkeypatch: pytest.MonkeyPatch, s3_endpoint: str) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    shelf = s3_shelf(s3_endpoint, "spool")
    assert shelf.store.put(bytes(IN_MEMORY)).size == IN_MEMORY
    with pytest.raises(ContentFull, match=r"^The folder for temporary files does not take the content: No such file"):
        shelf.store.put(bytes(IN_MEMORY + 1))
    assert shelf.count() == 1


def test_an_object_is_missing_only_in_a_bucket_that_is_there(s3_endpoint: str) -> None:
    store = s3_shelf(s3_endpoint, "missing").store
    with pytest.raises(ContentMissing):
        store.size("s3://" + "0" * 64)


def test_threads_share_a_client() -> None:
    assert s3_client(s3_place("http://127.0.0.1:1")) is s3_client(s3_place("http://127.0.0.1:1"))
    assert s3_client(s3_place("http://127.0.0.1:1")) is not s3_client(s3_place("http://127.0.0.1:2"))


@pytest.mark.parametrize(
    ("endpoint", "address"), [("", f"https://{BUCKET}.s3."), ("https://s3.example", f"https://s3.example/{BUCKET}/k")]
)
def test_the_bucket_stands_where_the_service_looks_for_it(endpoint: str, address: str) -> None:
    client = s3_client(S3Place(BUCKET, endpoint=endpoint, region="eu-central-1"))
    assert client.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "k"}).startswith(address)
