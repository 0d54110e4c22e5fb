"""Behavior of the local backend: files, folders, links, durability."""

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage.content import ContentStore, local
from storage.content.base import ContentNotFoundError, InvalidUriError, StoreFullError, StoreUnavailableError
from storage.content.local import LocalContentStore

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
    """A folder with an object outside the store."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / DIGEST).write_bytes(SECRET)
    return folder


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def assert_rejected(store: ContentStore) -> None:
    methods: list[Callable[[str], Any]] = [store.read, store.exists, store.get_size, store.delete]
    for method in methods:
        with pytest.raises(InvalidUriError, match=f"^{URI} leads outside the content store"):
            method(URI)
    assert list(store.list_objects()) == []


def test_file_is_named_by_its_hash(store: ContentStore, root: Path) -> None:
    store.put(SECRET)
    assert files(root) == [root / DIGEST[:2] / DIGEST]


def test_link_to_a_file_is_not_followed(store: ContentStore, root: Path, outside: Path) -> None:
    (root / DIGEST[:2]).mkdir(parents=True)
    (root / DIGEST[:2] / DIGEST).symlink_to(outside / DIGEST)
    assert_rejected(store)
    assert (outside / DIGEST).read_bytes() == SECRET


def test_link_to_a_folder_is_not_followed(store: ContentStore, root: Path, outside: Path) -> None:
    root.mkdir()
    (root / DIGEST[:2]).symlink_to(outside)
    assert_rejected(store)
    with pytest.raises(InvalidUriError, match="leads outside the content store"):
        store.put(SECRET)
    assert [path.name for path in outside.iterdir()] == [DIGEST]
    assert [path for path in files(root) if path.parent.name == "incoming"] == []


def test_link_inside_the_root_is_not_followed(store: ContentStore, root: Path) -> None:
    other = store.put(b"other")
    (root / DIGEST[:2]).mkdir(exist_ok=True)
    (root / DIGEST[:2] / DIGEST).symlink_to(root / other.sha256[:2] / other.sha256)
    with pytest.raises(InvalidUriError):
        store.read(URI)
    assert [one.uri for one in store.list_objects()] == [other.uri]


def test_put_replaces_a_link(store: ContentStore, root: Path, outside: Path) -> None:
    (root / DIGEST[:2]).mkdir(parents=True)
    (root / DIGEST[:2] / DIGEST).symlink_to(outside / DIGEST)
    store.put(SECRET)
    assert stat.S_ISREG((root / DIGEST[:2] / DIGEST).lstat().st_mode)
    assert store.read(URI) == SECRET


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_special_file_is_rejected_without_blocking(
    store: ContentStore, root: Path, make: Callable[[Path], None]
) -> None:
    (root / DIGEST[:2]).mkdir(parents=True)
    make(root / DIGEST[:2] / DIGEST)
    assert_rejected(store)


def test_root_may_be_a_link(root: Path, tmp_path: Path) -> None:
    root.mkdir()
    (tmp_path / "link").symlink_to(root)
    stored = LocalContentStore(tmp_path / "link").put(SECRET)
    assert LocalContentStore(root).read(stored.uri) == SECRET


def test_missing_root_is_unavailable_rather_than_empty(store: ContentStore, root: Path) -> None:
    # Such as an unmounted disk: garbage collection must not take all objects for deleted.
    for method in (store.read, store.exists, store.get_size, store.delete, lambda _: list(store.list_objects())):
        with pytest.raises(StoreUnavailableError, match="Check the folder CONTENT_ROOT"):
            method(URI)
    store.put(b"creates the root")
    with pytest.raises(ContentNotFoundError):
        store.read(URI)


def test_disk_failure_is_unavailable_rather_than_not_found(
    store: ContentStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(SECRET)

    def fail(*_: Any, **__: Any) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(StoreUnavailableError, match="Input/output error"):
        store.read(URI)
    with pytest.raises(StoreUnavailableError, match="Input/output error"):
        store.get_size(URI)


def test_put_many_leaves_nothing_if_one_fails(store: ContentStore, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = iter([None] * 3)
    sync = os.fsync

    def fail_after_three(handle: int) -> None:
        if next(syncs, "full") == "full":
            raise OSError(28, "No space left on device")
        sync(handle)

    monkeypatch.setattr(os, "fsync", fail_after_three)
    with pytest.raises(StoreFullError, match="No space left"):
        store.put_many([b"%d" % number for number in range(10)])
    assert files(root) == []


def test_writes_and_deletions_are_synced_before_returning(
    store: ContentStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    sync = os.fsync

    def record(handle: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        sync(handle)

    monkeypatch.setattr(os, "fsync", record)
    folder = str(root / DIGEST[:2])
    store.put(SECRET)
    assert synced[0] == str(root.parent)  # the root is new
    assert synced[1].startswith(str(root / "incoming"))
    assert synced[2:] == [folder, str(root)]
    synced.clear()
    assert store.delete(URI)
    assert not store.delete(URI)
    assert synced == [folder, folder]


def test_partial_upload_is_not_listed(store: ContentStore, root: Path) -> None:
    listed: list[list[str]] = []

    def write_slowly() -> Any:
        yield SECRET[:3]
        assert len(list((root / "incoming").iterdir())) == 1
        listed.append([one.uri for one in store.list_objects()])
        yield SECRET[3:]

    store.put(write_slowly())
    assert listed == [[]]
    assert [one.uri for one in store.list_objects()] == [URI]
    assert list((root / "incoming").iterdir()) == []


def test_a_batch_is_synced_before_it_is_moved_into_place(
    store: ContentStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = [b"%d" % number for number in range(local.MANY)]
    steps: list[str] = []
    sync, replace = local._sync_file_system, os.replace

    def record(step: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            steps.append(step)
            return work(*arguments, **options)

        return run

    monkeypatch.setattr(local, "_sync_file_system", record("sync", sync))
    monkeypatch.setattr(os, "replace", record("move", replace))
    monkeypatch.setattr(os, "fsync", lambda handle: steps.append("fsync"))
    stored = store.put_many(contents)
    moved = steps.index("fsync", 2 if steps[0] == "fsync" else 0)
    assert [step for step in steps[:moved] if step != "fsync"] == ["sync", *["move"] * local.MANY]
    assert set(steps[moved:]) == {"fsync"}
    assert [store.read(one.uri) for one in stored] == contents


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_batch_whose_sync_fails_stores_nothing(
    store: ContentStore, root: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(local, "_sync_file_system", fail)
    with pytest.raises(StoreUnavailableError, match=os.strerror(number)):
        store.put_many([b"%d" % number for number in range(local.MANY)])
    assert files(root) == []
