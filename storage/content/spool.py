"""Spooling of content until its hash is known."""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO, FileIO

from storage.content.base import CHUNK, ContentTooLargeError, StoreFullError

# Smaller content is spooled in memory.
IN_MEMORY = 4 * CHUNK


@dataclass(frozen=True, slots=True)
class SpooledContent:
    """Content in a file at position 0, with its SHA-256 digest and size in bytes."""

    file: BytesIO | FileIO
    digest: bytes
    size: int


@contextmanager
def spool_content(content: bytes | Iterable[bytes], max_size: int) -> Iterator[SpooledContent]:
    """Spool content in memory, or in an unnamed temporary file that does not survive a kill.

    Raises `ContentTooLargeError` beyond `max_size` bytes and `StoreFullError` if there is no space.
    """
    digest, size = hashlib.sha256(), 0
    with ExitStack() as open_files:
        file: BytesIO | FileIO = BytesIO()
        for chunk in [content] if isinstance(content, bytes) else content:
            digest.update(chunk)
            size += len(chunk)
            if size > max_size:
                raise ContentTooLargeError(f"The content exceeds {max_size:,} bytes, the limit of the backend.")
            try:
                if isinstance(file, BytesIO):
                    if size <= IN_MEMORY:
                        file.write(chunk)
                        continue
                    start = file.getvalue()
                    file = open_files.enter_context(tempfile.TemporaryFile(buffering=0))
                    write_all(file.fileno(), start)
                write_all(file.fileno(), chunk)
            except OSError as error:
                reason = error.strerror or error
                raise StoreFullError(f"The folder for temporary files cannot hold the content: {reason}.") from error
        file.seek(0)
        yield SpooledContent(file, digest.digest(), size)


def write_all(handle: int, data: bytes) -> None:
    """Write all bytes without a buffer, whose flush could fail on closing."""
    # A disk that fills up accepts the first part of a write and fails the next one.
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]
