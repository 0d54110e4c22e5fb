"""The content store: bytes under their SHA-256.

A document's row names its bytes by hash and address; this module keeps the bytes. The address says which backend
holds them and never where on a disk, so the folder of the local backend may move.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from django.conf import settings

CHUNK = 1 << 20
WRITERS = 16
_ADDRESS = re.compile(r"local://([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes that the store holds: their SHA-256 as 64 hexadecimal digits, their address, their number."""

    sha256: str
    uri: str
    size: int


class ContentError(Exception):
    """The store cannot give what it was asked for; the text is a sentence for people."""


class ContentMissing(ContentError):
    """The store holds nothing under that address."""


class ContentDamaged(ContentError):
    """What is stored there has another hash than its address says."""


class ContentAddressRefused(ContentError):
    """That is no address of this store."""


class ContentStore(Protocol):
    """Where bytes are kept. Every backend holds to this, and to the same tests."""

    backend_type: str

    def put(self, content: bytes | Iterable[bytes]) -> Stored:
        """Keep the bytes, durably, before this returns; the same bytes again are kept once."""

    def put_all(self, contents: Sequence[bytes]) -> list[Stored]:
        """Keep many at once, in their order; far quicker than one by one, since their waits overlap."""

    def chunks(self, uri: str) -> Iterator[bytes]:
        """Give the bytes piece by piece; raises `ContentDamaged` before the last piece where the hash is wrong."""

    def read(self, uri: str) -> bytes:
        """Give all the bytes; raises `ContentMissing`, `ContentDamaged` or `ContentAddressRefused`."""

    def holds(self, uri: str) -> bool:
        """Whether something is stored there. Does not read it."""


class LocalContentStore:
    """Content as files under one folder, each named by its hash: `ROOT/ab/abcd...`."""

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
        """Give the bytes a mebibyte at a time; the last piece is held back until the hash is known to be right."""
        path = self._path(uri)
        digest, held = hashlib.sha256(), b""
        try:
            with path.open("rb") as file:
                while piece := file.read(CHUNK):
                    digest.update(piece)
                    if held:
                        yield held
                    held = piece
        except FileNotFoundError:
            raise ContentMissing(f"The content store holds nothing under {uri}.") from None
        if digest.hexdigest() != path.name:
            raise ContentDamaged(f"The content stored under {uri} is damaged: its hash is {digest.hexdigest()}.")
        if held:
            yield held

    def read(self, uri: str) -> bytes:
        """Give all the bytes at once."""
        return b"".join(self.chunks(uri))

    def holds(self, uri: str) -> bool:
        """Whether a file of that hash is there."""
        return self._path(uri).is_file()

    def _path(self, uri: str) -> Path:
        match = _ADDRESS.fullmatch(uri)
        if match is None:
            raise ContentAddressRefused(f"{uri[:200]!r} is no address of the local content store.")
        path = self._root / match[1][:2] / match[1]
        # The address cannot climb out, but a link inside the folder could lead elsewhere.
        if not path.resolve().is_relative_to(self._root.resolve()):
            raise ContentAddressRefused(f"{uri} leads outside the folder of the content store.")
        return path

    def _write(self, content: bytes | Iterable[bytes]) -> tuple[Stored, Path]:
        waiting = self._root / "incoming"
        waiting.mkdir(parents=True, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        handle, name = tempfile.mkstemp(dir=waiting)
        try:
            with os.fdopen(handle, "wb") as file:
                for piece in [content] if isinstance(content, bytes) else content:
                    digest.update(piece)
                    size += file.write(piece)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            Path(name).unlink()
            raise
        return Stored(digest.hexdigest(), f"{self.backend_type}://{digest.hexdigest()}", size), Path(name)

    def _place(self, written: Sequence[tuple[Stored, Path]]) -> None:
        # Known bytes are written anew all the same: that mends a damaged copy, and it makes the file young, so that
        # no cleaning takes it for one that nobody uses.
        if not written:
            return
        paths = [self._path(stored.uri) for stored, _ in written]
        folders = {path.parent for path in paths}
        for folder in folders:
            folder.mkdir(exist_ok=True)
        for path, (_, temporary) in zip(paths, written, strict=True):
            temporary.replace(path)
        for folder in (*folders, self._root):
            _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    # A rename survives a power cut only when the folder itself has reached the disk.
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def content_store() -> ContentStore:
    """The store of this site, under `settings.CONTENT_ROOT`."""
    return LocalContentStore(settings.CONTENT_ROOT)
