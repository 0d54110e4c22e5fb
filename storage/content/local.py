"""The local backend: content as files under one folder."""

import errno
import hashlib
import os
import stat
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from storage.content.address import address, hash_of, is_hash
from storage.content.disk import NO_ROOM, sync_folder, write_whole
from storage.content.errors import ContentAddressRefused, ContentFull, ContentMissing, ContentUnavailable
from storage.content.interface import CHUNK, WRITERS, Held, Stored
from storage.content.verified import verified

# What opening says about a link, where links are not followed, and about a file in the place of a folder.
_NO_FILE = {errno.ELOOP, errno.ENOTDIR}


class LocalContentStore:
    """Content as files, each named by its hash: `ROOT/ab/abcd...`; `ROOT/incoming` holds what is being written."""

    backend_type = "local"

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, content: bytes | Iterable[bytes]) -> Stored:
        """Write to a temporary file while hashing, then move it into place; a reader never sees half of it."""
        stored, temporary = self._write(content)
        try:
            self._place([(stored, temporary)])
        finally:
            temporary.unlink(missing_ok=True)
        return stored

    def put_all(self, contents: Sequence[bytes]) -> list[Stored]:
        """Write from many threads: most of it is waiting for the disk, which makes many files durable at once."""
        with ThreadPoolExecutor(WRITERS) as writers:
            under_way = [writers.submit(self._write, content) for content in contents]
        try:
            written = [writing.result() for writing in under_way]
            self._place(written)
        finally:
            for writing in under_way:
                if writing.exception() is None:
                    writing.result()[1].unlink(missing_ok=True)
        return [stored for stored, _ in written]

    def chunks(self, uri: str) -> Iterator[bytes]:
        """Give the bytes a mebibyte at a time."""
        return verified(uri, hash_of(uri, self.backend_type), self._pieces(uri))

    def read(self, uri: str) -> bytes:
        """Give all the bytes at once."""
        return b"".join(self.chunks(uri))

    def holds(self, uri: str) -> bool:
        """Whether a file of that hash is there."""
        try:
            self.size(uri)
        except ContentMissing:
            return False
        return True

    def size(self, uri: str) -> int:
        """The size of the file."""
        return self._found(uri).st_size

    def modified(self, uri: str) -> datetime:
        """When the file was written."""
        return datetime.fromtimestamp(self._found(uri).st_mtime, UTC)

    def delete(self, uri: str) -> bool:
        """Remove the file, and make the folder that held it durable without it."""
        name = hash_of(uri, self.backend_type)
        try:
            with self._asked(uri), self._folder(name[:2]) as folder:
                try:
                    self._stat(uri, folder)
                    os.unlink(name, dir_fd=folder)
                finally:
                    # Also where it was gone already: who removed it may have been killed before this.
                    os.fsync(folder)
        except ContentMissing:
            return False
        return True

    def addresses(self, *, after: str | None = None) -> Iterator[Held]:
        """List one folder after the other; the names of one, a 256th of all, are in memory at a time."""
        behind = hash_of(after, self.backend_type) if after is not None else ""
        return self._listed(behind)

    def _listed(self, behind: str) -> Iterator[Held]:
        with self._usable():
            folders = sorted(_named(self._root, 2), key=lambda entry: entry.name)
            for folder in folders:
                if folder.name < behind[:2] or not folder.is_dir(follow_symlinks=False):
                    continue
                for file in sorted(_named(folder.path, 64), key=lambda entry: entry.name):
                    if file.name <= behind or file.name[:2] != folder.name or not is_hash(file.name):
                        continue
                    try:
                        found = file.stat(follow_symlinks=False)
                    except FileNotFoundError:  # deleted meanwhile
                        continue
                    if stat.S_ISREG(found.st_mode):
                        modified = datetime.fromtimestamp(found.st_mtime, UTC)
                        yield Held(address(self.backend_type, file.name), found.st_size, modified)

    def _pieces(self, uri: str) -> Iterator[bytes]:
        name = hash_of(uri, self.backend_type)
        with self._asked(uri):
            with self._folder(name[:2]) as folder:
                # Without O_NONBLOCK, a pipe in the place of content would be waited for.
                handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
            try:
                _refuse_other_than_file(uri, os.fstat(handle))
                while piece := os.read(handle, CHUNK):
                    yield piece
            finally:
                os.close(handle)

    def _found(self, uri: str) -> os.stat_result:
        with self._asked(uri), self._folder(hash_of(uri, self.backend_type)[:2]) as folder:
            return self._stat(uri, folder)

    def _stat(self, uri: str, folder: int) -> os.stat_result:
        found = os.stat(hash_of(uri, self.backend_type), dir_fd=folder, follow_symlinks=False)
        _refuse_other_than_file(uri, found)
        return found

    @contextmanager
    def _folder(self, name: str) -> Iterator[int]:
        # The address cannot climb out, but a link inside the root could lead elsewhere: none is followed below it, and
        # by going from handle to handle none can be slipped in between.
        handle = os.open(self._root / name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            yield handle
        finally:
            os.close(handle)

    @contextmanager
    def _asked(self, uri: str) -> Iterator[None]:
        with self._usable(uri):
            try:
                yield
            except FileNotFoundError:
                # A root that is not there is a disk that is not mounted, rather than a store without that content.
                if self._root.is_dir():
                    raise ContentMissing(f"The content store holds nothing under {uri}.") from None
                raise

    @contextmanager
    def _usable(self, uri: str = "") -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if uri and error.errno in _NO_FILE:
                raise _refused(uri) from None
            said = f"The local content store cannot be used: {error.strerror or error}"
            if error.errno in NO_ROOM:
                raise ContentFull(f"{said}; make room in the folder CONTENT_ROOT.") from error
            raise ContentUnavailable(f"{said}; see to the folder CONTENT_ROOT.") from error

    def _write(self, content: bytes | Iterable[bytes]) -> tuple[Stored, Path]:
        waiting = self._root / "incoming"
        with self._usable():
            if not self._root.is_dir():
                self._root.mkdir(parents=True, exist_ok=True)
                sync_folder(self._root.parent)
            waiting.mkdir(exist_ok=True)
            handle, name = tempfile.mkstemp(dir=waiting)
        digest, size = hashlib.sha256(), 0
        try:
            for piece in [content] if isinstance(content, bytes) else content:
                digest.update(piece)
                size += len(piece)
                with self._usable():
                    write_whole(handle, piece)
            with self._usable():
                os.fsync(handle)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        finally:
            os.close(handle)
        return Stored(digest.hexdigest(), address(self.backend_type, digest.hexdigest()), size), Path(name)

    def _place(self, written: Sequence[tuple[Stored, Path]]) -> None:
        # Known bytes are written anew all the same: that mends a damaged copy, and it makes the file young, so that
        # no cleaning takes it for one that nobody uses.
        folders: dict[str, list[tuple[Stored, Path]]] = defaultdict(list)
        for stored, temporary in written:
            folders[stored.sha256[:2]].append((stored, temporary))
        for name, files in folders.items():
            with self._usable():
                (self._root / name).mkdir(exist_ok=True)
            with self._usable(files[0][0].uri), self._folder(name) as folder:
                for stored, temporary in files:
                    os.replace(temporary, stored.sha256, dst_dir_fd=folder)
                # A rename survives a power cut only when the folder itself has reached the disk.
                os.fsync(folder)
        if folders:
            with self._usable():
                sync_folder(self._root)


def _named(folder: Path | str, length: int) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return [entry for entry in entries if len(entry.name) == length]


def _refuse_other_than_file(uri: str, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise _refused(uri)


def _refused(uri: str) -> ContentAddressRefused:
    return ContentAddressRefused(f"{uri} leads outside the content store: a link stands there, or what is no file.")
