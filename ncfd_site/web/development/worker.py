"""The worker of the development server: a child that carries out jobs as long as its parent serves."""

import os
import sys

from django.conf import settings

STANDARD_INPUT = 0


def start() -> None:
    """Start `manage.py run_jobs` beside this process. It ends with this process, however that one ends.

    Its standard input is a pipe of which this process alone holds the other end, which it never closes: the kernel
    does, after a kill too. So nobody waits for the worker, for which the reloader leaves no time.
    """
    theirs, _ = os.pipe()
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "run_jobs", "--with-parent"]
    os.posix_spawn(
        sys.executable,
        command,
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, theirs, STANDARD_INPUT)],
        # Ctrl-C is for this process alone, and finds no worker that is still starting.
        setpgroup=0,
    )
    os.close(theirs)
