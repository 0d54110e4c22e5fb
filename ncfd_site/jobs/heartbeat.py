"""The heartbeat of a worker: a thread that renews the lease of the running job."""

import logging
import threading
import time
from types import TracebackType
from typing import Self

from ncfd_site.jobs.lease import DATABASE_ERRORS, Lease, LeaseLost, own_connection

logger = logging.getLogger(__name__)

# Renewals per lease, so that a restart of the database does not lose it.
RENEWALS = 6


class Heartbeat:
    """Renews a lease during the block; sets `canceled` on a requested cancellation and `lost` with the lease."""

    def __init__(self, lease: Lease) -> None:
        self.canceled = threading.Event()
        self.lost = threading.Event()
        self._lease = lease
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat-{lease.job_id}", daemon=True)

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
                started = time.monotonic()
                try:
                    if self._lease.renew(using=alias):
                        self.canceled.set()
                except LeaseLost:
                    self.lost.set()
                    return
                except DATABASE_ERRORS as error:
                    logger.warning("Cannot renew the lease of job %s: %s", self._lease.job_id, type(error).__name__)
                    # Without an answer, the time since the last one decides.
                    if started - renewed > self._lease.seconds:
                        self.lost.set()
                        return
                else:
                    renewed = started
