"""HTTP server on loopback with scripted answers."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread


@dataclass(frozen=True, slots=True)
class Request:
    """Received request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class FakeServer:
    """Endpoint, received requests, and an event that releases hanging handlers."""

    endpoint: str
    requests: list[Request] = field(default_factory=list)
    released: Event = field(default_factory=Event)


class Handler(BaseHTTPRequestHandler):
    """Request handler with helpers to respond."""

    protocol_version = "HTTP/1.1"
    request_in: Request

    def respond_error(self, status: int, code: str = "", message: str = "") -> None:
        """Respond with an S3 error document; without body for HEAD."""
        body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode() if code else b""
        self.respond(status, body if self.command != "HEAD" else b"")

    def respond(
        self, status: int, body: bytes = b"", length: int | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        """Respond with a body; a `length` beyond its end makes the connection break off."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = length is not None

    def log_message(self, *_: object) -> None:
        """Log nothing."""


Answer = Callable[[Handler, FakeServer], None]


@contextmanager
def run_fake_server(answer: Answer) -> Iterator[FakeServer]:
    """Run a server that passes every request to `answer`."""

    class ScriptedHandler(Handler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.request_in = Request(self.command, self.path, dict(self.headers.items()), body)
            state.requests.append(self.request_in)
            answer(self, state)

        do_GET = do_HEAD = do_PUT = do_DELETE = handle_any  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), ScriptedHandler)
    state = FakeServer(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield state
    finally:
        state.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def hang(handler: Handler, state: FakeServer) -> None:
    """Never respond."""
    state.released.wait()
    handler.close_connection = True


def stall(handler: Handler, state: FakeServer) -> None:
    """Send part of a body, then nothing."""
    handler.respond(200, b"half of it", 1000)
    handler.wfile.flush()
    state.released.wait()


def truncate(handler: Handler, state: FakeServer) -> None:
    """Send part of a body, then close the connection."""
    handler.respond(200, b"half of it", 1000)


def drop(handler: Handler, state: FakeServer) -> None:
    """Close the connection without a response."""
    time.sleep(0.01)
    handler.close_connection = True
