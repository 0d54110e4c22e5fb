"""The process that stops the embedded server once its last user has left, however that one left.

Run by `server`: `python -m ncfd_site.embedded.keeper HOME LOCK`, where LOCK is the inherited descriptor of the lock
that says that a keeper lives.
"""

import os
import sys
import time
from pathlib import Path

from ncfd_site.embedded import locks
from ncfd_site.embedded.cluster import Cluster
from ncfd_site.refusals import Refusal

# Seconds that the server outlives its last user: commands that follow one another find it running.
LINGER = 2.0


def keep(cluster: Cluster, linger: float = LINGER) -> None:
    """Wait until nobody uses the server, then stop it."""
    users = locks.opened(cluster.home / locks.USERS)
    while True:
        locks.taken(users, wait=True)
        # Whoever starts the server waits for this lock while holding the mutex, so it must not be held while we wait
        # for the mutex.
        locks.released(users)
        time.sleep(linger)
        with locks.held(cluster.home / locks.MUTEX):
            if locks.taken(users, wait=False):
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
    except (Refusal, OSError):
        # The home folder is gone, or the server does not stop: the next user takes over from here.
        os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
