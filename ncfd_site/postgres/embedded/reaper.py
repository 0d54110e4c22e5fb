"""The process that stops the embedded server after its last user has exited.

Run as `python -m ncfd_site.postgres.embedded.reaper HOME LOCK`. LOCK is the inherited descriptor of the reaper's lock.
"""

import os
import sys
import time
from pathlib import Path

from ncfd_site.config import file_lock
from ncfd_site.config.errors import UserError
from ncfd_site.postgres.embedded.cluster import Cluster

# The server outlives its last user by this long, so that consecutive commands find it running.
GRACE_SECONDS = 2.0


def stop_when_unused(cluster: Cluster, grace_seconds: float = GRACE_SECONDS) -> None:
    """Wait until no process uses the server, then stop it and exit."""
    users = file_lock.open_lock(cluster.users)
    while True:
        file_lock.acquire(users, wait=True)
        # A starting process waits for this lock while it holds the mutex, so this lock must be free while this process
        # waits for the mutex.
        file_lock.release(users)
        time.sleep(grace_seconds)
        with file_lock.hold(cluster.mutex):
            if file_lock.acquire(users, wait=False):
                cluster.stop()
                # Inside the mutex: the next user finds neither a server nor a reaper, and starts both.
                os._exit(0)


def main(home: str, lock: str) -> None:
    """Detach from the starting process, and stop the server of `home` when it is unused."""
    if os.fork():
        os._exit(0)
    os.setsid()
    os.set_inheritable(int(lock), False)
    try:
        stop_when_unused(Cluster(Path(home)))
    except (UserError, OSError):
        # The home folder was deleted, or the server does not stop. The next user starts another reaper.
        os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
