"""What is asked of the operating system beyond Python's files."""

import errno
import os
from pathlib import Path

# The disk is full, a quota is reached, a file may not become larger.
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_whole(handle: int, piece: bytes) -> None:
    """Write all of it, without a buffer whose rest could fail on closing."""
    # A disk that fills up takes the first half of a piece and refuses the other.
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(handle, rest) :]


def sync_folder(folder: Path) -> None:
    """Make the names in the folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
