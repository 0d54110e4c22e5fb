"""Many waits at once: for disks, and for a service that is far away."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from storage.content import WRITERS

Given = TypeVar("Given")
Answer = TypeVar("Answer")


def overlapped(ask: Callable[[Given], Answer], given: Iterable[Given]) -> list[Answer]:
    """Ask about all of them from many threads, and return the answers in their order.

    Where one raises, or somebody presses Ctrl-C, what has not begun is not begun.
    """
    workers = ThreadPoolExecutor(WRITERS)
    try:
        return list(workers.map(ask, given))
    finally:
        workers.shutdown(cancel_futures=True)
