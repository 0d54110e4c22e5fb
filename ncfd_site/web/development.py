"""Parts of the development server: the check of its port, and the job worker beside it."""

import errno
import os
import socket
import sys

from django.conf import settings

from ncfd_site.config.errors import ConfigurationError

STANDARD_INPUT = 0


def require_free_port(port: int, address: str = "127.0.0.1") -> None:
    """Raise `ConfigurationError` unless a server can listen on the port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        # As the server does: a port with connections in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
            raise ConfigurationError(
                f"Port {port} of {address} {reason}. Stop the program that uses it, or choose another port with "
                f"`make run PORT={port + 1 if port < 65535 else 8001}`."
            ) from None


def start_worker() -> None:
    """Start `manage.py run_jobs` as a child that ends with this process.

    Its standard input is a pipe whose other end only this process holds. The kernel closes that end when this process
    ends, even if it is killed, so no process has to wait for the worker; the reloader leaves no time for that.
    """
    worker_input, _ = os.pipe()
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "run_jobs", "--with-parent"]
    os.posix_spawn(
        sys.executable,
        command,
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, worker_input, STANDARD_INPUT)],
        # Ctrl-C reaches only this process, also while the worker is starting.
        setpgroup=0,
    )
    os.close(worker_input)
