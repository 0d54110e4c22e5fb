"""The local backend: objects as files under one folder, and the uploads that a killed writer left there."""

import ctypes
import errno
import hashlib
import os
import platform
import re
import stat
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from storage.content.base import (
    CHUNK,
    WRITERS,
    ContentNotFoundError,
    ContentStore,
    InvalidUriError,
    ListedObject,
    StoredObject,
    StoreFullError,
    StoreUnavailableError,
    is_sha256,
    is_valid_uri,
)
from storage.content.spool import write_all

# A symbolic link opened with O_NOFOLLOW; a file in place of a folder.
_NOT_A_FILE = {errno.ELOOP, errno.ENOTDIR}
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
# Objects of a batch from which one sync of the file system is faster than one for each file.
MANY = 16
_libc = ctypes.CDLL(None, use_errno=True)
# Linux reports failed writes by syncfs since 5.8.
_HAS_SYNCFS = hasattr(_libc, "syncfs") and tuple(map(int, re.findall(r"\d+", platform.release())[:2])) >= (5, 8)
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# Longer than any upload takes.
ABANDONED_AFTER = timedelta(days=1)


class LocalContentStore(ContentStore):
    """Objects as files named by their hash, `ROOT/ab/abcd...`; uploads in progress are in `ROOT/incoming`.

    Pipelines store theirs as `ROOT/docs/HASH/NAME`.
    """

    backend_type = "local"

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, content: bytes | Iterable[bytes], at: str | None = None) -> StoredObject:
        """Write a temporary file and rename it, so that readers never see a partial object."""
        stored, temporary = self._write(content)
        try:
            if at is not None:
                stored = replace(stored, uri=at)
            self._move_into_place([(stored, temporary)])
        finally:
            temporary.unlink(missing_ok=True)
        return stored

    def put_many(self, contents: Sequence[bytes]) -> list[StoredObject]:
        """Write all files, sync them together, and only then move them into place.

        A few files, or all on a system without `syncfs`, are synced one by one, from many threads.
        """
        written: list[tuple[StoredObject, Path]] = []
        try:
            with self._open_file_system(len(contents)) as file_system:
                for content in contents:
                    written.append(self._write(content, is_synced=False))  # noqa: PERF401 (kept when one fails)
                with _translate_os_errors():
                    if file_system is not None:
                        _sync_file_system(file_system)
                    else:
                        with ThreadPoolExecutor(WRITERS) as writers:
                            list(writers.map(_sync_path, (path for _, path in written)))
            self._move_into_place(written)
        finally:
            for _, path in written:
                path.unlink(missing_ok=True)
        return [stored for stored, _ in written]

    @contextmanager
    def _open_file_system(self, count: int) -> Iterator[int | None]:
        """Yield a handle to sync the file system, opened before it is written to: later failures are reported to it."""
        if count < MANY or not _HAS_SYNCFS:
            yield None
            return
        with _translate_os_errors():
            self._create_root()
            handle = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield handle
        finally:
            os.close(handle)

    def _create_root(self) -> None:
        if not self._root.is_dir():
            self._root.mkdir(parents=True, exist_ok=True)
            _sync_path(self._root.parent)

    def get_size(self, uri: str) -> int:
        """Return the size of the file."""
        return self._stat_location(uri, self._locate(uri)).st_size

    def get_modified_at(self, uri: str) -> datetime:
        """Return the modification time of the file, the latest of several copies."""
        seconds = max(self._stat_location(uri, location).st_mtime for location in self._list_locations(uri))
        return datetime.fromtimestamp(seconds, UTC)

    def _delete_location(self, uri: str, location: str) -> bool:
        folder_name, _, name = location.rpartition("/")
        try:
            with self._translate_missing(uri), self._open_folder(folder_name) as folder:
                try:
                    _stat_regular_file(uri, name, folder)
                    os.unlink(name, dir_fd=folder)
                finally:
                    # Also if the file is gone: its deleter may have been killed before this line.
                    os.fsync(folder)
        except ContentNotFoundError:
            return False
        if folder_name.startswith("docs/"):
            with suppress(OSError):  # not empty, or deleted concurrently
                (self._root / folder_name).rmdir()
        return True

    def _list_own(self, sha256: str) -> Iterator[ListedObject]:
        # The names of one folder, 1/256 of all, are in memory at a time.
        with _translate_os_errors():
            for folder in _scan_names(self._root, 2):
                if folder.name < sha256[:2] or not folder.is_dir(follow_symlinks=False):
                    continue
                for file in _scan_names(folder.path, 64):
                    if file.name <= sha256 or file.name[:2] != folder.name or not is_sha256(file.name):
                        continue
                    yield from _list_file(file, self.build_uri(file.name))

    def _list_named(self, sha256: str, name: str) -> Iterator[ListedObject]:
        docs = self._root / "docs"
        with _translate_os_errors():
            folders = [path.name for path in docs.iterdir()] if docs.is_dir() and not docs.is_symlink() else []
            for folder in sorted(folder for folder in folders if folder >= sha256 and is_sha256(folder)):
                try:
                    files = [] if (docs / folder).is_symlink() else _scan_names(docs / folder)
                except (FileNotFoundError, NotADirectoryError):  # deleted concurrently, or a file
                    continue
                for file in files:
                    uri = self.build_uri(folder, file.name)
                    if (folder, file.name) > (sha256, name) and is_valid_uri(uri):
                        yield from _list_file(file, uri)

    def _list_names(self, uri: str, sha256: str) -> list[str]:
        with _translate_os_errors(uri):
            try:
                with self._open_folder(f"docs/{sha256}") as folder:
                    return os.listdir(folder)  # noqa: PTH208 (the folder is a handle)
            except FileNotFoundError:
                return []

    def _read_location(self, uri: str, location: str) -> Iterator[bytes]:
        folder_name, _, name = location.rpartition("/")
        with self._translate_missing(uri):
            with self._open_folder(folder_name) as folder:
                # O_NONBLOCK keeps open() from blocking on a named pipe.
                handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
            try:
                _require_regular_file(uri, os.fstat(handle))
                while chunk := os.read(handle, CHUNK):
                    yield chunk
            finally:
                os.close(handle)

    def _stat_location(self, uri: str, location: str) -> os.stat_result:
        folder_name, _, name = location.rpartition("/")
        with self._translate_missing(uri), self._open_folder(folder_name) as folder:
            return _stat_regular_file(uri, name, folder)

    @contextmanager
    def _open_folder(self, path: str) -> Iterator[int]:
        # A URI cannot leave the root, but a link below the root could. No link is followed, and relative handles keep
        # one from being swapped in between two calls.
        first, *others = path.split("/")
        handle = os.open(self._root / first, _FOLDER)
        try:
            for name in others:
                outer, handle = handle, os.open(name, _FOLDER, dir_fd=handle)
                os.close(outer)
            yield handle
        finally:
            os.close(handle)

    @contextmanager
    def _translate_missing(self, uri: str) -> Iterator[None]:
        with _translate_os_errors(uri):
            try:
                yield
            except FileNotFoundError:
                # A missing root is an unmounted disk, not a store without the object.
                if self._root.is_dir():
                    raise ContentNotFoundError(f"The content store has no object at {uri}.") from None
                raise

    def _write(self, content: bytes | Iterable[bytes], *, is_synced: bool = True) -> tuple[StoredObject, Path]:
        incoming = self._root / "incoming"
        with _translate_os_errors():
            self._create_root()
            incoming.mkdir(exist_ok=True)
            handle, name = tempfile.mkstemp(dir=incoming)
        digest, size = hashlib.sha256(), 0
        try:
            for chunk in [content] if isinstance(content, bytes) else content:
                digest.update(chunk)
                size += len(chunk)
                with _translate_os_errors():
                    write_all(handle, chunk)
            if is_synced:
                with _translate_os_errors():
                    os.fsync(handle)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        finally:
            os.close(handle)
        return StoredObject(digest.hexdigest(), self.build_uri(digest.hexdigest()), size), Path(name)

    def _move_into_place(self, written: Sequence[tuple[StoredObject, Path]]) -> None:
        # An existing object is overwritten: that repairs a corrupt copy, and its new modification time protects it from
        # garbage collection.
        folders: dict[str, list[tuple[StoredObject, Path, str]]] = defaultdict(list)
        for stored, temporary in written:
            folder_name, _, name = self._get_target(stored).rpartition("/")
            folders[folder_name].append((stored, temporary, name))
        for folder_name, files in folders.items():
            with _translate_os_errors():
                (self._root / folder_name).mkdir(parents=True, exist_ok=True)
            with _translate_os_errors(files[0][0].uri), self._open_folder(folder_name) as folder:
                for _, temporary, name in files:
                    os.replace(temporary, name, dst_dir_fd=folder)
        # A rename survives a power failure only after its folder is synced. The first sync writes the journal for all.
        named = {"docs"} if any("/" in name for name in folders) else set[str]()
        for name in (*folders, *named, *([""] if folders else [])):
            with _translate_os_errors():
                _sync_path(self._root / name)


@dataclass(frozen=True, slots=True)
class AbandonedUpload:
    """A file under the content root: name such as `incoming/tmp8xyz`, size in bytes, last write in UTC."""

    name: str
    size: int
    modified_at: datetime


def find_abandoned_uploads(root: Path) -> list[AbandonedUpload]:
    """Return the uploads that nothing writes any more, by name; raises `StoreUnavailableError`."""
    with _translate_os_errors():
        try:
            paths = sorted((root / "incoming").iterdir())
        except FileNotFoundError:
            return []
        return [upload for path in paths if (upload := _read_abandoned(path))]


def delete_abandoned_upload(root: Path, name: str) -> AbandonedUpload | None:
    """Delete an upload that is still abandoned and return it, else None; raises `StoreUnavailableError`."""
    path = root / "incoming" / Path(name).name
    with _translate_os_errors():
        upload = _read_abandoned(path)
        if upload is None:
            return None
        try:
            path.unlink()
        except FileNotFoundError:  # deleted concurrently
            return None
        return upload


@contextmanager
def _translate_os_errors(uri: str = "") -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if uri and error.errno in _NOT_A_FILE:
            raise _build_uri_error(uri) from None
        reason = f"The local content store is unavailable: {error.strerror or error}."
        if error.errno in _NO_SPACE:
            raise StoreFullError(f"{reason} Free space in the folder CONTENT_ROOT.") from error
        raise StoreUnavailableError(f"{reason} Check the folder CONTENT_ROOT.") from error


def _read_abandoned(path: Path) -> AbandonedUpload | None:
    try:
        status = path.stat(follow_symlinks=False)
    except FileNotFoundError:  # moved into place concurrently
        return None
    modified_at = datetime.fromtimestamp(status.st_mtime, UTC)
    if not stat.S_ISREG(status.st_mode) or datetime.now(UTC) - modified_at < ABANDONED_AFTER:
        return None
    return AbandonedUpload(f"incoming/{path.name}", status.st_size, modified_at)


def _scan_names(folder: Path | str, length: int | None = None) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        found = [entry for entry in entries if length is None or len(entry.name) == length]
    return sorted(found, key=lambda entry: entry.name)


def _list_file(file: os.DirEntry[str], uri: str) -> Iterator[ListedObject]:
    try:
        status = file.stat(follow_symlinks=False)
    except FileNotFoundError:  # deleted concurrently
        return
    if stat.S_ISREG(status.st_mode):
        yield ListedObject(uri, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))


def _sync_file_system(handle: int) -> None:
    if _libc.syncfs(handle):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _sync_path(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _stat_regular_file(uri: str, name: str, folder: int) -> os.stat_result:
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    _require_regular_file(uri, status)
    return status


def _require_regular_file(uri: str, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _build_uri_error(uri)


def _build_uri_error(uri: str) -> InvalidUriError:
    return InvalidUriError(f"{uri} leads outside the content store: its file is a link or not a regular file.")
