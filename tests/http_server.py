"""A local HTTP server whose answers a test decides; it can cut a body, or close the connection without an answer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Answer:
    """A response. `sent` is the number of bytes of the body before the connection closes; None for all."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    sent: int | None = None
    is_dropped: bool = False


@dataclass(frozen=True)
class Request:
    """A request that arrived."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


@contextmanager
def serve(answer: Callable[[Request], Answer]) -> Iterator[str]:
    """Yield the address of a server that answers each request with `answer`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            reply = answer(Request(parts.path, dict(parse_qsl(parts.query)), dict(self.headers)))
            self.close_connection = True
            if reply.is_dropped:
                return
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body[: reply.sent])

        def log_message(self, *arguments: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def serve_in_order(*answers: Answer) -> tuple[Callable[[Request], Answer], list[Request]]:
    """Return a function that gives these answers in order, the last one forever, and the list of its requests."""
    requests: list[Request] = []

    def answer(request: Request) -> Answer:
        requests.append(request)
        return answers[min(len(requests), len(answers)) - 1]

    return answer, requests
