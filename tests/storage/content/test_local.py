"""What the local backend does beyond what all do: files, folders, links, durability."""

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage.content import (
    ContentAddressRefused,
    ContentFull,
    ContentMissing,
    ContentStore,
    ContentUnavailable,
    LocalContentStore,
)

SECRET = b"secret"
DIGEST = hashlib.sha256(SECRET).hexdigest()
URI = f"local://{DIGEST}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "content"


@pytest.fixture
def store(root: Path) -> ContentStore:
    return LocalContentStore(root)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder like one of the store, with content, beside it."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / DIGEST).write_bytes(SECRET)
    return folder


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def refuses(store: ContentStore) -> None:
    asking: list[Callable[[str], Any]] = [store.read, store.holds, store.size, store.delete]
    for ask in asking:
        with pytest.raises(ContentAddressRefused, match=f"^{URI} leads outside the content store"):
            ask(URI)
    assert list(store.addresses()) == []


def test_content_lies_under_its_hash(store: ContentStore, root: Path) -> None:
    store.put(SECRET)
    assert files(root) == [root / DIGEST[:2] / DIGEST]


def test_does_not_follow_a_link_to_a_file(store: ContentStore, root: Path, outside: Path) -> None:
    (root / DIGEST[:2]).mkdir(parents=True)
    (root / DIGEST[:2] / DIGEST).symlink_to(outside / DIGEST)
    refuses(store)
    assert (outside / DIGEST).read_bytes() == SECRET


def test_does_not_follow_a_link_to_a_folder(store: ContentStore, root: Path, outside: Path) -> None:
    root.mkdir()
    (root / DIGEST[:2]).symlink_to(outside)
    refuses(store)
    with pytest.raises(ContentAddressRefused, match="a link stands there"):
        store.put(SECRET)
    assert [path.name for path in outside.iterdir()] == [DIGEST]
    assert [path for path in files(root) if path.parent.name == "incoming"] == []


def test_does_not_follow_a_link_inside_the_root_either(store: ContentStore, root: Path) -> None:
    other = store.put(b"other")
    (root / DIGEST[:2]).mkdir(exist_ok=True)
    (root / DIGEST[:2] / DIGEST).symlink_to(root / other.sha256[:2] / other.sha256)
    with pytest.raises(ContentAddressRefused):
        store.read(URI)
    assert [held.uri for held in store.addresses()] == [other.uri]


def test_a_link_in_the_place_of_content_is_replaced_by_content(store: ContentStore, root: Path, outside: Path) -> None:
    (root / DIGEST[:2]).mkdir(parents=True)
    (root / DIGEST[:2] / DIGEST).symlink_to(outside / DIGEST)
    store.put(SECRET)
    assert stat.S_ISREG((root / DIGEST[:2] / DIGEST).lstat().st_mode)
    assert store.read(URI) == SECRET


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_what_is_no_file_is_refused_and_not_waited_for(
    store: ContentStore, root: Path, make: Callable[[Path], None]
) -> None:
    (root / DIGEST[:2]).mkdir(parents=True)
    make(root / DIGEST[:2] / DIGEST)
    refuses(store)


def test_the_root_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    root.mkdir()
    (tmp_path / "link").symlink_to(root)
    stored = LocalContentStore(tmp_path / "link").put(SECRET)
    assert LocalContentStore(root).read(stored.uri) == SECRET


def test_a_root_that_is_not_there_is_unavailable_and_not_empty(store: ContentStore, root: Path) -> None:
    # As where its disk is not mounted: a cleaning must not take all content for gone.
    for ask in (store.read, store.holds, store.size, store.delete, lambda _: list(store.addresses())):
        with pytest.raises(ContentUnavailable, match="see to the folder CONTENT_ROOT"):
            ask(URI)
    store.put(b"the first content makes it")
    with pytest.raises(ContentMissing):
        store.read(URI)


def test_a_disk_that_fails_is_unavailable_and_not_missing(
    store: ContentStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(SECRET)

    def fails(*_: Any, **__: Any) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "open", fails)
    with pytest.raises(ContentUnavailable, match="Input/output error"):
        store.read(URI)
    with pytest.raises(ContentUnavailable, match="Input/output error"):
        store.size(URI)


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
    with pytest.raises(ContentFull, match="No space left"):
        store.put_all([b"%d" % number for number in range(10)])
    assert files(root) == []


def test_what_is_written_and_deleted_is_durable_before_it_is_told(
    store: ContentStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    sync = os.fsync

    def watch(handle: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        sync(handle)

    monkeypatch.setattr(os, "fsync", watch)
    folder = str(root / DIGEST[:2])
    store.put(SECRET)
    assert synced[0] == str(root.parent)  # the root is new
    assert synced[1].startswith(str(root / "incoming"))
    assert synced[2:] == [folder, str(root)]
    synced.clear()
    assert store.delete(URI)
    assert not store.delete(URI)
    assert synced == [folder, folder]


def test_half_written_content_is_not_listed(store: ContentStore, root: Path) -> None:
    listed: list[list[str]] = []

    def slowly() -> Any:
        yield SECRET[:3]
        assert len(list((root / "incoming").iterdir())) == 1
        listed.append([held.uri for held in store.addresses()])
        yield SECRET[3:]

    store.put(slowly())
    assert listed == [[]]
    assert [held.uri for held in store.addresses()] == [URI]
    assert list((root / "incoming").iterdir()) == []
