"""A small HTTP server on loopback that answers every request the way a test tells it to."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread


@dataclass(frozen=True, slots=True)
class Request:
    """What came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Answering:
    """The address of the server, what came in, and an event that lets those go that are kept waiting."""

    endpoint: str
    requests: list[Request] = field(default_factory=list)
    over: Event = field(default_factory=Event)


class Handler(BaseHTTPRequestHandler):
    """A request, and the means to answer it."""

    protocol_version = "HTTP/1.1"
    request_in: Request

    def error(self, status: int, code: str = "", message: str = "") -> None:
        """Answer with an error as S3 writes it; a HEAD gets no body."""
        body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode() if code else b""
        self.whole(status, body if self.command != "HEAD" else b"")

    def whole(
        self, status: int, body: bytes = b"", length: int | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer with a body; with a length that is more than it, the connection breaks off."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = length is not None

    def log_message(self, *_: object) -> None:
        """Say nothing."""


Answer = Callable[[Handler, Answering], None]


@contextmanager
def answering(answer: Answer) -> Iterator[Answering]:
    """Start a server that answers so."""

    class Telling(Handler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.request_in = Request(self.command, self.path, dict(self.headers.items()), body)
            state.requests.append(self.request_in)
            answer(self, state)

        do_GET = do_HEAD = do_PUT = do_DELETE = handle_any  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Telling)
    state = Answering(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield state
    finally:
        state.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def hang(handler: Handler, state: Answering) -> None:
    """Never answer."""
    state.over.wait()
    handler.close_connection = True


def stall(handler: Handler, state: Answering) -> None:
    """Begin a body, and never end it."""
    handler.whole(200, b"half of it", 1000)
    handler.wfile.flush()
    state.over.wait()


def break_off(handler: Handler, state: Answering) -> None:
    """Begin a body, and hang up."""
    handler.whole(200, b"half of it", 1000)


def drip(handler: Handler, state: Answering) -> None:
    """Wait a moment, then break off without an answer."""
    time.sleep(0.01)
    handler.close_connection = True
