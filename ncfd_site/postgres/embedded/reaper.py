"""The process that stops the embedded server once its last user has left, however that one left.

Run as `python -m ncfd_site.postgres.embedded.reaper HOME LOCK`, where LOCK is the inherited descriptor of the lock that
marks a live reaper.
"""

import os
import sys
import time
from pathlib import Path

from ncfd_site.config import file_lock
from ncfd_site.config.errors import UserError
from ncfd_site.postgres.embedded.cluster import Cluster

# Seconds that the server outlives its last user: commands that follow one another find it running.
LINGER = 2.0


def keep(cluster: Cluster, linger: float = LINGER) -> None:
    """Wait until nobody uses the server, then stop it."""
    users = file_lock.opened(cluster.home / file_lock.USERS)
    while True:
        file_lock.taken(users, wait=True)
        # Whoever starts the server waits for this lock while holding the mutex, so it must not be held while we wait
        # for the mutex.
        file_lock.released(users)
        time.sleep(linger)
        with file_lock.held(cluster.home / file_lock.MUTEX):
            if file_lock.taken(users, wait=False):
                cluster.stop()
                # Ended inside the mutex: the next user finds no server and no keeper, and starts both.
                os._exit(0)


def main(home: str, lock: str) -> None:
    if os.fork():
        os._exit(0)
    os.setsid()
    os.set_inheritable(int(lock), False)
    try:
        keep(Cluster(Path(home)))
    except (UserError, OSError):
        # The home folder is gone, or the server does not stop: the next user takes over from here.
        os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
