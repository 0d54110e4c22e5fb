"""Behavior of all backends: bytes are stored under their hash and verified on reading."""

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest

from storage.content import get_content_store_for
from storage.content.base import CHUNK, ContentCorruptError, ContentNotFoundError, InvalidUriError
from storage.content.spool import IN_MEMORY
from tests.storage.content.harness import StoreHarness

ZEROS = "0" * 64
CORRUPTIONS: dict[str, Callable[[bytes], bytes]] = {
    "a bit is flipped": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "the first bit is flipped": lambda data: bytes([data[0] ^ 128]) + data[1:],
    "cut by a byte": lambda data: data[:-1],
    "cut at a chunk": lambda data: data[:CHUNK],
    "emptied": lambda data: b"",
    "longer": lambda data: data + b"more",
    "other content": lambda data: os.urandom(len(data)),
}


def absent(harness: StoreHarness) -> str:
    return f"{harness.store.backend_type}://{ZEROS}"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, IN_MEMORY + 1])
def test_returns_stored_bytes(harness: StoreHarness, size: int) -> None:
    data = os.urandom(size)
    stored = harness.store.put(data)
    assert stored.sha256 == sha256(data)
    assert stored.size == size
    assert stored.uri == f"{harness.store.backend_type}://{stored.sha256}"
    assert harness.store.read(stored.uri) == data
    assert harness.store.get_size(stored.uri) == size
    assert harness.store.exists(stored.uri)


@pytest.mark.parametrize(
    "chunks", [[], [b""], [b"one ", b"", b"two"], [os.urandom(700_000) for _ in range(12)]], ids=len
)
def test_stores_an_iterable(harness: StoreHarness, chunks: list[bytes]) -> None:
    stored = harness.store.put(iter(chunks))
    assert stored.sha256 == sha256(b"".join(chunks))
    assert stored.size == sum(map(len, chunks))
    assert harness.store.read(stored.uri) == b"".join(chunks)


def test_yields_large_content_in_chunks(harness: StoreHarness) -> None:
    stored = harness.store.put(os.urandom(3 * CHUNK + 7))
    sizes = [len(chunk) for chunk in harness.store.iter_chunks(stored.uri)]
    assert sum(sizes) == stored.size
    assert max(sizes) <= CHUNK


def test_stores_equal_bytes_once(harness: StoreHarness) -> None:
    assert harness.store.put(b"same") == harness.store.put(iter([b"sa", b"me"]))
    assert harness.count() == 1


def test_put_many_preserves_order(harness: StoreHarness) -> None:
    contents = [b"%d" % (number % 70) for number in range(100)]
    stored = harness.store.put_many(contents)
    assert [harness.store.read(one.uri) for one in stored] == contents
    assert harness.count() == 70


def test_put_many_accepts_an_empty_list(harness: StoreHarness) -> None:
    assert harness.store.put_many([]) == []


def test_concurrent_writers_of_equal_bytes_succeed(harness: StoreHarness) -> None:
    data, together = os.urandom(CHUNK + 1), Barrier(16)

    def write(_: int) -> tuple[str, bytes]:
        together.wait()
        stored = harness.store.put(data)
        return stored.sha256, harness.store.read(stored.uri)

    with ThreadPoolExecutor(16) as writers:
        assert set(writers.map(write, range(16))) == {(sha256(data), data)}
    assert harness.count() == 1


def test_exception_of_the_iterable_propagates_and_nothing_is_stored(harness: StoreHarness) -> None:
    def cut() -> Iterator[bytes]:
        yield os.urandom(IN_MEMORY + 1)
        raise ConnectionResetError("the source went away")

    with pytest.raises(ConnectionResetError, match="the source went away"):
        harness.store.put(cut())
    assert harness.count() == 0


def test_absent_object_is_not_found(harness: StoreHarness) -> None:
    uri = absent(harness)
    assert not harness.store.exists(uri)
    for method in (harness.store.read, harness.store.get_size, lambda uri: list(harness.store.iter_chunks(uri))):
        with pytest.raises(ContentNotFoundError, match=uri):
            method(uri)


def test_removed_object_is_not_found(harness: StoreHarness) -> None:
    stored = harness.store.put(b"soon gone")
    harness.remove(stored.sha256)
    with pytest.raises(ContentNotFoundError, match=stored.uri):
        harness.store.read(stored.uri)
    assert not harness.store.exists(stored.uri)


@pytest.mark.parametrize("size", [9, CHUNK, 2 * CHUNK, 2 * CHUNK + 5])
@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_corrupt_object_is_never_returned_whole(harness: StoreHarness, corruption: str, size: int) -> None:
    data = os.urandom(size)
    stored = harness.store.put(data)
    corrupt = CORRUPTIONS[corruption](data)
    if corrupt == data:  # cut at a chunk, and it has one
        corrupt = data[: size // 2]
    harness.overwrite(stored.sha256, corrupt)
    received: list[bytes] = []
    with pytest.raises(ContentCorruptError, match=stored.uri):
        received.extend(harness.store.iter_chunks(stored.uri))
    assert sum(map(len, received)) < max(len(corrupt), 1)
    with pytest.raises(ContentCorruptError):
        harness.store.read(stored.uri)


def test_corruption_does_not_affect_other_objects(harness: StoreHarness) -> None:
    first, second, third = harness.store.put_many([b"sound", b"rotten", b"lost"])
    harness.overwrite(second.sha256, b"rOtten")
    harness.remove(third.sha256)
    assert harness.store.read(first.uri) == b"sound"
    with pytest.raises(ContentCorruptError):
        harness.store.read(second.uri)
    with pytest.raises(ContentNotFoundError):
        harness.store.read(third.uri)


def test_put_repairs_a_corrupt_copy(harness: StoreHarness) -> None:
    stored = harness.store.put(b"sound")
    harness.overwrite(stored.sha256, b"rotten")
    harness.store.put(b"sound")
    assert harness.store.read(stored.uri) == b"sound"


def test_delete_returns_whether_the_object_existed(harness: StoreHarness) -> None:
    stored, other = harness.store.put_many([b"not wanted", b"wanted"])
    assert harness.store.delete(stored.uri) is True
    assert not harness.store.exists(stored.uri)
    assert harness.store.delete(stored.uri) is False
    assert harness.store.delete(absent(harness)) is False
    assert harness.store.read(other.uri) == b"wanted"


def test_corrupt_object_can_be_deleted(harness: StoreHarness) -> None:
    stored = harness.store.put(b"sound")
    harness.overwrite(stored.sha256, b"rotten")
    assert harness.store.delete(stored.uri) is True
    assert harness.count() == 0


def test_concurrent_put_and_delete_leave_a_whole_object_or_none(harness: StoreHarness) -> None:
    stored, together = harness.store.put(b"contested"), Barrier(2)

    def delete() -> None:
        together.wait()
        harness.store.delete(stored.uri)

    for _ in range(20):
        with ThreadPoolExecutor(1) as executor:
            deletion = executor.submit(delete)
            together.wait()
            harness.store.put(b"contested")
            deletion.result()
        # Either was last.
        if harness.store.exists(stored.uri):
            assert harness.store.read(stored.uri) == b"contested"
        harness.store.put(b"contested")
        assert harness.store.read(stored.uri) == b"contested"


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "{own}://",
        "{own}://../../etc/passwd",
        "{own}://" + "/" * 64,
        "{own}://" + "../" * 21 + "x",
        "{own}://" + "A" * 64,
        "{own}://" + "٣" * 64,
        "{own}://" + ZEROS + "\n",
        "{own}://" + ZEROS + "\0",
        "{own}://" + "\0" * 64,
        "{own}://" + ZEROS + "/../x",
        "{own}://bucket/" + ZEROS,
        "{other}://" + ZEROS,
        "file:///etc/passwd",
        "http://127.0.0.1/" + ZEROS,
        "/etc/passwd",
        ZEROS,
    ],
)
def test_rejects_uris_of_other_stores(harness: StoreHarness, uri: str) -> None:
    own = harness.store.backend_type
    uri = uri.format(own=own, other={"local": "s3", "s3": "local"}[own])
    store = harness.store
    for method in (store.read, store.iter_chunks, store.exists, store.get_size, store.delete):
        with pytest.raises(InvalidUriError):
            method(uri)
    with pytest.raises(InvalidUriError):
        store.list_objects(after=uri)


@pytest.mark.parametrize("uri", ["", "s3://", "gs://" + ZEROS, ZEROS, "local://" + ZEROS + "\0"])
def test_invalid_uri_selects_no_store(uri: str) -> None:
    with pytest.raises(InvalidUriError):
        get_content_store_for(uri)


def test_empty_store_lists_nothing(harness: StoreHarness) -> None:
    assert list(harness.store.list_objects()) == []


def test_lists_all_objects_in_order(harness: StoreHarness) -> None:
    started = datetime.now(UTC)
    stored = harness.store.put_many([b"." * number for number in range(60)])
    listed = list(harness.store.list_objects())
    assert [(one.uri, one.size) for one in listed] == sorted((one.uri, one.size) for one in stored)
    for one in listed:
        assert abs(one.modified_at - started) < timedelta(minutes=1)


def test_lists_after_a_uri(harness: StoreHarness) -> None:
    uris = sorted(one.uri for one in harness.store.put_many([b"." * number for number in range(20)]))
    for index in (0, 7, 19):
        assert [one.uri for one in harness.store.list_objects(after=uris[index])] == uris[index + 1 :]
    assert [one.uri for one in harness.store.list_objects(after=absent(harness))] == uris


def test_lists_only_objects(harness: StoreHarness) -> None:
    stored = harness.store.put(b"content")
    for name in (
        "incoming/tmp1234",
        f"incoming/{ZEROS}",
        "README",
        ZEROS,
        f"ff/{ZEROS}",  # wrong folder
        f"00/{ZEROS}.part",
        f"00/{ZEROS[:-1]}X",
        f"00/deeper/{ZEROS}",
    ):
        harness.write_file(name, b"no content")
    assert [one.uri for one in harness.store.list_objects()] == [stored.uri]


def test_put_renews_the_modification_time(harness: StoreHarness) -> None:
    stored = harness.store.put(b"old")
    (before,) = harness.store.list_objects()
    while (now := next(harness.store.list_objects())).modified_at == before.modified_at:
        harness.store.put(b"old")
    assert now.modified_at > before.modified_at
    assert now.uri == stored.uri


def test_modification_time_matches_the_listing(harness: StoreHarness) -> None:
    stored = harness.store.put(b"content")
    (listed,) = harness.store.list_objects()
    # S3 may list with a finer resolution than it answers HEAD with.
    assert abs(harness.store.get_modified_at(stored.uri) - listed.modified_at) <= timedelta(seconds=1)
    with pytest.raises(ContentNotFoundError):
        harness.store.get_modified_at(absent(harness))


def test_concurrent_deletion_does_not_end_a_listing(harness: StoreHarness) -> None:
    stored = harness.store.put_many([b"." * number for number in range(40)])
    listing = harness.store.list_objects()
    first = next(listing)
    for one in stored:
        harness.store.delete(one.uri)
    assert {one.uri for one in listing} | {first.uri} <= {one.uri for one in stored}
    assert list(harness.store.list_objects()) == []
