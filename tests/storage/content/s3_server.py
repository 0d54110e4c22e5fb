"""S3 server on loopback, in a separate process so that the test process is not patched.

It prints its port and exits at the end of standard input, however the tests end.
"""

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings


@contextmanager
def run_s3_server() -> Iterator[str]:
    """Run a server and yield its endpoint."""
    command = [sys.executable, "-m", "tests.storage.content.s3_server"]
    with subprocess.Popen(
        command, cwd=settings.BASE_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        assert port, "The S3 server did not start."
        yield f"http://127.0.0.1:{port}"
        server.stdin.close()


def main() -> None:
    """Serve until the end of standard input."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application, lock = DomainDispatcherApplication(create_backend_app), threading.Lock()

    def serialized(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        # S3 replaces objects atomically. Moto fails on concurrent replacement, so requests are serialized.
        with lock:
            return list(application(environ, start_response))

    server = make_server("127.0.0.1", 0, serialized, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.port, flush=True)  # noqa: T201
    sys.stdin.read()


if __name__ == "__main__":
    main()
