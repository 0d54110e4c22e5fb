"""File locks that the kernel releases when a process ends, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def open_lock(path: Path) -> int:
    """Return a descriptor of the lock file, which is created if it is missing."""
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def acquire(descriptor: int, *, wait: bool) -> bool:
    """Acquire the lock exclusively; return False if another process holds it and `wait` is false."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def release(descriptor: int) -> None:
    """Release the lock."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)


def acquire_shared(path: Path) -> int:
    """Acquire the lock shared with others; return the descriptor, which holds it until it is closed."""
    descriptor = open_lock(path)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Wait for the lock and hold it exclusively."""
    descriptor = open_lock(path)
    try:
        acquire(descriptor, wait=True)
        yield
    finally:
        os.close(descriptor)
