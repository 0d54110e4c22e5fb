"""The content store keeps bytes under their hash, and never gives out others."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.content import (
    CHUNK,
    ContentAddressRefused,
    ContentDamaged,
    ContentMissing,
    ContentStore,
    LocalContentStore,
    content_store,
)

ABSENT = "local://" + "0" * 64


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "content"


@pytest.fixture
def store(root: Path) -> ContentStore:
    return LocalContentStore(root)


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_gives_back_what_was_put(store: ContentStore, size: int) -> None:
    data = os.urandom(size)
    stored = store.put(data)
    assert stored.sha256 == hashlib.sha256(data).hexdigest()
    assert stored.size == size
    assert stored.uri == f"local://{stored.sha256}"
    assert store.read(stored.uri) == data


def test_takes_bytes_piece_by_piece(store: ContentStore) -> None:
    stored = store.put(iter([b"one ", b"", b"two"]))
    assert stored.sha256 == hashlib.sha256(b"one two").hexdigest()
    assert store.read(stored.uri) == b"one two"


def test_keeps_the_same_bytes_once(store: ContentStore, root: Path) -> None:
    assert store.put(b"same") == store.put(b"same")
    assert len(files(root)) == 1


def test_many_at_once_come_back_in_order(store: ContentStore, root: Path) -> None:
    contents = [b"%d" % (number % 70) for number in range(100)]
    stored = store.put_all(contents)
    assert [store.read(one.uri) for one in stored] == contents
    assert len(files(root)) == 70


def test_nothing_at_all_is_stored_as_nothing(store: ContentStore) -> None:
    assert store.put_all([]) == []


def test_tells_what_it_holds(store: ContentStore) -> None:
    assert store.holds(store.put(b"here").uri)
    assert not store.holds(ABSENT)


def test_what_is_not_there_is_missing(store: ContentStore) -> None:
    with pytest.raises(ContentMissing, match=ABSENT):
        store.read(ABSENT)


@pytest.mark.parametrize("damage", [lambda data: b"X" + data[1:], lambda data: data[:-1], lambda data: b""])
def test_damaged_bytes_are_never_given_whole(store: ContentStore, root: Path, damage: object) -> None:
    stored = store.put(os.urandom(2 * CHUNK + 5))
    (file,) = files(root)
    file.write_bytes(damage(file.read_bytes()))  # type: ignore[operator]
    given: list[bytes] = []
    with pytest.raises(ContentDamaged, match=stored.uri):
        given.extend(store.chunks(stored.uri))
    assert sum(map(len, given)) < stored.size
    with pytest.raises(ContentDamaged):
        store.read(stored.uri)


def test_putting_known_bytes_mends_a_damaged_copy(store: ContentStore, root: Path) -> None:
    stored = store.put(b"sound")
    files(root)[0].write_bytes(b"rotten")
    store.put(b"sound")
    assert store.read(stored.uri) == b"sound"


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "local://",
        "local://../../etc/passwd",
        "local://" + "A" * 64,
        "s3://" + "0" * 64,
        ABSENT + "\n",
        "/etc/passwd",
    ],
)
def test_refuses_what_is_no_address_of_its_own(store: ContentStore, uri: str) -> None:
    for reading in (store.read, store.holds):
        with pytest.raises(ContentAddressRefused):
            reading(uri)


def test_does_not_follow_a_link_out_of_its_folder(store: ContentStore, root: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    digest = hashlib.sha256(b"secret").hexdigest()
    (root / digest[:2]).mkdir(parents=True)
    (root / digest[:2] / digest).symlink_to(secret)
    with pytest.raises(ContentAddressRefused, match="outside"):
        store.read(f"local://{digest}")


def test_a_write_that_fails_leaves_nothing(store: ContentStore, root: Path) -> None:
    def cut() -> Iterator[bytes]:
        yield b"half of "
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        store.put(cut())
    assert files(root) == []


def test_many_writes_of_which_one_fails_leave_nothing(
    store: ContentStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs = iter([None] * 3)
    sync = os.fsync

    def fails_after_three(handle: int) -> None:
        if next(syncs, "full") == "full":
            raise OSError(28, "No space left on device")
        sync(handle)

    monkeypatch.setattr(os, "fsync", fails_after_three)
    with pytest.raises(OSError, match="No space left"):
        store.put_all([b"%d" % number for number in range(10)])
    assert files(root) == []


def test_the_store_of_the_site_lies_under_its_content_root(settings: object, tmp_path: Path) -> None:
    settings.CONTENT_ROOT = tmp_path / "elsewhere"  # type: ignore[attr-defined]
    stored = content_store().put(b"bytes")
    assert (tmp_path / "elsewhere" / stored.sha256[:2] / stored.sha256).read_bytes() == b"bytes"
