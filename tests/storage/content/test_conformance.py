"""What every backend of the content store does alike: bytes stay under their hash, and no others are given out."""

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest

from storage.content import CHUNK, ContentAddressRefused, ContentDamaged, ContentMissing, store_of
from storage.content.spool import IN_MEMORY
from tests.storage.content.shelves import Shelf

ZEROS = "0" * 64
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "a bit is flipped": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "the first bit is flipped": lambda data: bytes([data[0] ^ 128]) + data[1:],
    "cut by a byte": lambda data: data[:-1],
    "cut at a piece": lambda data: data[:CHUNK],
    "emptied": lambda data: b"",
    "longer": lambda data: data + b"more",
    "another content": lambda data: os.urandom(len(data)),
}


def absent(shelf: Shelf) -> str:
    return f"{shelf.store.backend_type}://{ZEROS}"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, IN_MEMORY + 1])
def test_gives_back_what_was_put(shelf: Shelf, size: int) -> None:
    data = os.urandom(size)
    stored = shelf.store.put(data)
    assert stored.sha256 == sha256(data)
    assert stored.size == size
    assert stored.uri == f"{shelf.store.backend_type}://{stored.sha256}"
    assert shelf.store.read(stored.uri) == data
    assert shelf.store.size(stored.uri) == size
    assert shelf.store.holds(stored.uri)


@pytest.mark.parametrize(
    "pieces", [[], [b""], [b"one ", b"", b"two"], [os.urandom(700_000) for _ in range(12)]], ids=len
)
def test_takes_bytes_piece_by_piece(shelf: Shelf, pieces: list[bytes]) -> None:
    stored = shelf.store.put(iter(pieces))
    assert stored.sha256 == sha256(b"".join(pieces))
    assert stored.size == sum(map(len, pieces))
    assert shelf.store.read(stored.uri) == b"".join(pieces)


def test_gives_big_content_in_pieces(shelf: Shelf) -> None:
    stored = shelf.store.put(os.urandom(3 * CHUNK + 7))
    pieces = [len(piece) for piece in shelf.store.chunks(stored.uri)]
    assert sum(pieces) == stored.size
    assert max(pieces) <= CHUNK


def test_keeps_the_same_bytes_once(shelf: Shelf) -> None:
    assert shelf.store.put(b"same") == shelf.store.put(iter([b"sa", b"me"]))
    assert shelf.count() == 1


def test_many_at_once_come_back_in_order(shelf: Shelf) -> None:
    contents = [b"%d" % (number % 70) for number in range(100)]
    stored = shelf.store.put_all(contents)
    assert [shelf.store.read(one.uri) for one in stored] == contents
    assert shelf.count() == 70


def test_nothing_at_all_is_stored_as_nothing(shelf: Shelf) -> None:
    assert shelf.store.put_all([]) == []


def test_many_writers_of_the_same_content_all_succeed(shelf: Shelf) -> None:
    data, together = os.urandom(CHUNK + 1), Barrier(16)

    def write(_: int) -> tuple[str, bytes]:
        together.wait()
        stored = shelf.store.put(data)
        return stored.sha256, shelf.store.read(stored.uri)

    with ThreadPoolExecutor(16) as writers:
        assert set(writers.map(write, range(16))) == {(sha256(data), data)}
    assert shelf.count() == 1


def test_a_source_that_fails_is_told_as_it_is_and_leaves_nothing(shelf: Shelf) -> None:
    def cut() -> Iterator[bytes]:
        yield os.urandom(IN_MEMORY + 1)
        raise ConnectionResetError("the source went away")

    with pytest.raises(ConnectionResetError, match="the source went away"):
        shelf.store.put(cut())
    assert shelf.count() == 0


def test_what_is_not_there_is_missing(shelf: Shelf) -> None:
    uri = absent(shelf)
    assert not shelf.store.holds(uri)
    for asking in (shelf.store.read, shelf.store.size, lambda uri: list(shelf.store.chunks(uri))):
        with pytest.raises(ContentMissing, match=uri):
            asking(uri)


def test_what_was_taken_away_is_missing(shelf: Shelf) -> None:
    stored = shelf.store.put(b"soon gone")
    shelf.take(stored.sha256)
    with pytest.raises(ContentMissing, match=stored.uri):
        shelf.store.read(stored.uri)
    assert not shelf.store.holds(stored.uri)


@pytest.mark.parametrize("size", [9, CHUNK, 2 * CHUNK, 2 * CHUNK + 5])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_bytes_are_never_given_whole(shelf: Shelf, damage: str, size: int) -> None:
    data = os.urandom(size)
    stored = shelf.store.put(data)
    damaged = DAMAGES[damage](data)
    if damaged == data:  # cut at a piece, and it is one
        damaged = data[: size // 2]
    shelf.overwrite(stored.sha256, damaged)
    given: list[bytes] = []
    with pytest.raises(ContentDamaged, match=stored.uri):
        given.extend(shelf.store.chunks(stored.uri))
    assert sum(map(len, given)) < max(len(damaged), 1)
    with pytest.raises(ContentDamaged):
        shelf.store.read(stored.uri)


def test_damage_is_told_of_the_damaged_alone(shelf: Shelf) -> None:
    first, second, third = shelf.store.put_all([b"sound", b"rotten", b"lost"])
    shelf.overwrite(second.sha256, b"rOtten")
    shelf.take(third.sha256)
    assert shelf.store.read(first.uri) == b"sound"
    with pytest.raises(ContentDamaged):
        shelf.store.read(second.uri)
    with pytest.raises(ContentMissing):
        shelf.store.read(third.uri)


def test_putting_known_bytes_mends_a_damaged_copy(shelf: Shelf) -> None:
    stored = shelf.store.put(b"sound")
    shelf.overwrite(stored.sha256, b"rotten")
    shelf.store.put(b"sound")
    assert shelf.store.read(stored.uri) == b"sound"


def test_deleting_tells_whether_something_was_there(shelf: Shelf) -> None:
    stored, other = shelf.store.put_all([b"not wanted", b"wanted"])
    assert shelf.store.delete(stored.uri) is True
    assert not shelf.store.holds(stored.uri)
    assert shelf.store.delete(stored.uri) is False
    assert shelf.store.delete(absent(shelf)) is False
    assert shelf.store.read(other.uri) == b"wanted"


def test_damaged_content_can_be_deleted(shelf: Shelf) -> None:
    stored = shelf.store.put(b"sound")
    shelf.overwrite(stored.sha256, b"rotten")
    assert shelf.store.delete(stored.uri) is True
    assert shelf.count() == 0


def test_content_put_while_it_is_deleted_ends_readable(shelf: Shelf) -> None:
    stored, together = shelf.store.put(b"contested"), Barrier(2)

    def delete() -> None:
        together.wait()
        shelf.store.delete(stored.uri)

    for _ in range(20):
        with ThreadPoolExecutor(1) as deleting:
            under_way = deleting.submit(delete)
            together.wait()
            shelf.store.put(b"contested")
            under_way.result()
        # Either came last; a reader finds the whole of it or nothing.
        if shelf.store.holds(stored.uri):
            assert shelf.store.read(stored.uri) == b"contested"
        shelf.store.put(b"contested")
        assert shelf.store.read(stored.uri) == b"contested"


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
def test_refuses_what_is_no_address_of_its_own(shelf: Shelf, uri: str) -> None:
    own = shelf.store.backend_type
    uri = uri.format(own=own, other={"local": "s3", "s3": "local"}[own])
    store = shelf.store
    for asking in (store.read, store.chunks, store.holds, store.size, store.delete):
        with pytest.raises(ContentAddressRefused):
            asking(uri)
    with pytest.raises(ContentAddressRefused):
        store.addresses(after=uri)


@pytest.mark.parametrize("uri", ["", "s3://", "gs://" + ZEROS, ZEROS, "local://" + ZEROS + "\0"])
def test_an_address_of_no_store_picks_none(uri: str) -> None:
    with pytest.raises(ContentAddressRefused):
        store_of(uri)


def test_an_empty_store_lists_nothing(shelf: Shelf) -> None:
    assert list(shelf.store.addresses()) == []


def test_lists_all_that_it_holds_in_order(shelf: Shelf) -> None:
    begun = datetime.now(UTC)
    stored = shelf.store.put_all([b"." * number for number in range(60)])
    held = list(shelf.store.addresses())
    assert [(one.uri, one.size) for one in held] == sorted((one.uri, one.size) for one in stored)
    for one in held:
        assert abs(one.modified - begun) < timedelta(minutes=1)


def test_lists_from_behind_an_address_on(shelf: Shelf) -> None:
    uris = sorted(one.uri for one in shelf.store.put_all([b"." * number for number in range(20)]))
    for place in (0, 7, 19):
        assert [one.uri for one in shelf.store.addresses(after=uris[place])] == uris[place + 1 :]
    assert [one.uri for one in shelf.store.addresses(after=absent(shelf))] == uris


def test_lists_nothing_that_is_no_content(shelf: Shelf) -> None:
    stored = shelf.store.put(b"content")
    for name in (
        "incoming/tmp1234",
        f"incoming/{ZEROS}",
        "README",
        ZEROS,
        f"ff/{ZEROS}",  # in another's folder
        f"00/{ZEROS}.part",
        f"00/{ZEROS[:-1]}X",
        f"00/deeper/{ZEROS}",
    ):
        shelf.place(name, b"no content")
    assert [one.uri for one in shelf.store.addresses()] == [stored.uri]


def test_known_bytes_put_again_are_young(shelf: Shelf) -> None:
    stored = shelf.store.put(b"old")
    (before,) = shelf.store.addresses()
    while (now := next(shelf.store.addresses())).modified == before.modified:
        shelf.store.put(b"old")
    assert now.modified > before.modified
    assert now.uri == stored.uri


def test_tells_when_bytes_were_put_as_the_list_does(shelf: Shelf) -> None:
    stored = shelf.store.put(b"content")
    (listed,) = shelf.store.addresses()
    # S3 lists to the second or finer, and answers a single question to the second.
    assert abs(shelf.store.modified(stored.uri) - listed.modified) <= timedelta(seconds=1)
    with pytest.raises(ContentMissing):
        shelf.store.modified(absent(shelf))


def test_what_is_deleted_while_it_is_listed_does_not_stop_the_list(shelf: Shelf) -> None:
    stored = shelf.store.put_all([b"." * number for number in range(40)])
    listing = shelf.store.addresses()
    first = next(listing)
    for one in stored:
        shelf.store.delete(one.uri)
    assert {one.uri for one in listing} | {first.uri} <= {one.uri for one in stored}
    assert list(shelf.store.addresses()) == []
