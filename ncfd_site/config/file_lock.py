"""File locks that the kernel drops by itself when a process ends, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Held while the server is started or stopped.
MUTEX = "server.lock"
# Held shared by every process that uses the server.
USERS = "server.users"
# Held by the keeper as long as it lives.
KEEPER = "server.keeper"


def opened(path: Path) -> int:
    """A file descriptor of the lock file, which is made where it is missing."""
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def taken(descriptor: int, *, wait: bool) -> bool:
    """Take the lock for this process alone; False where another one has it and we do not wait."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def released(descriptor: int) -> None:
    """Give the lock back."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)


def shared(path: Path) -> int:
    """Take the lock together with others; it is held until the returned descriptor is closed."""
    descriptor = opened(path)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Wait for the lock and hold it, alone."""
    descriptor = opened(path)
    try:
        taken(descriptor, wait=True)
        yield
    finally:
        os.close(descriptor)
