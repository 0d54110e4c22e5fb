"""Content on its way to a backend that wants to know its hash first."""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO, FileIO

from storage.content.disk import write_whole
from storage.content.errors import ContentFull, ContentTooLarge
from storage.content.interface import CHUNK

# Smaller content stays in memory.
IN_MEMORY = 4 * CHUNK


@dataclass(frozen=True, slots=True)
class Spooled:
    """The content, to be read from its beginning; its SHA-256; the number of its bytes."""

    file: BytesIO | FileIO
    digest: bytes
    size: int


@contextmanager
def spooled(content: bytes | Iterable[bytes], most: int) -> Iterator[Spooled]:
    """Keep the content in memory, or in a temporary file without a name, which not even a kill leaves behind.

    Raises `ContentTooLarge` as soon as there are more than `most` bytes, and `ContentFull` where they do not fit.
    """
    digest, size = hashlib.sha256(), 0
    with ExitStack() as open_files:
        file: BytesIO | FileIO = BytesIO()
        for piece in [content] if isinstance(content, bytes) else content:
            digest.update(piece)
            size += len(piece)
            if size > most:
                raise ContentTooLarge(f"The content has more than {most:,} bytes, the most that the backend takes.")
            with _room():
                if isinstance(file, BytesIO):
                    if size <= IN_MEMORY:
                        file.write(piece)
                        continue
                    begun = file.getvalue()
                    file = open_files.enter_context(tempfile.TemporaryFile(buffering=0))
                    write_whole(file.fileno(), begun)
                write_whole(file.fileno(), piece)
        file.seek(0)
        yield Spooled(file, digest.digest(), size)


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        said = error.strerror or error
        raise ContentFull(f"The folder for temporary files does not take the content: {said}.") from error
