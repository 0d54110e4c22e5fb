"""Keeps a job in the hands of its worker while the work goes on, in a thread with a connection of its own."""

import logging
import threading
import time
from types import TracebackType
from typing import Self

from ncfd_site.jobs.connection import DATABASE_ERRORS, own_connection
from ncfd_site.jobs.lease import Lease, LeaseLost

logger = logging.getLogger(__name__)

# How often the lease is renewed within its time, so that a database that restarts meanwhile costs nothing.
RENEWALS = 6


class Heartbeat:
    """Renews a lease during the block. `cancelled` is set once somebody asks for the end, `lost` with the lease."""

    def __init__(self, lease: Lease) -> None:
        self.cancelled = threading.Event()
        self.lost = threading.Event()
        self._lease = lease
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat of job {lease.job_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _beat(self) -> None:
        renewed = time.monotonic()
        with own_connection() as alias:
            while not self._ended.wait(self._lease.seconds / RENEWALS):
                begun = time.monotonic()
                try:
                    if self._lease.renew(using=alias):
                        self.cancelled.set()
                except LeaseLost:
                    self.lost.set()
                    return
                except DATABASE_ERRORS as error:
                    logger.warning("The lease of job %s was not renewed: %s", self._lease.job_id, type(error).__name__)
                    # As long as the server says nothing, the time since it last did is what we know.
                    if begun - renewed > self._lease.seconds:
                        self.lost.set()
                        return
                else:
                    renewed = begun
