"""An S3 server on loopback: a process of its own, so that nothing in the process of the tests is patched.

It prints the port that it was given, and ends when its standard input does, however the tests end.
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
def s3_server() -> Iterator[str]:
    """Start one; gives its address."""
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
    """Serve until standard input ends."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application, one_at_a_time = DomainDispatcherApplication(create_backend_app), threading.Lock()

    def serialized(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        # S3 replaces an object in one step. Moto fails where two replace the same one, and so it is asked one by one.
        with one_at_a_time:
            return list(application(environ, start_response))

    server = make_server("127.0.0.1", 0, serialized, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.port, flush=True)  # noqa: T201
    sys.stdin.read()


if __name__ == "__main__":
    main()
