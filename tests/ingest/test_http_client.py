"""The HTTP client of the fetch commands against a server that fails."""

import gzip
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.progress import Canceled, NullReporter
from ncfd_site.ingest import http_client
from ncfd_site.ingest.http_client import FetchError, HttpClient, InvalidResponse
from tests.http_server import Answer, serve, serve_in_order


class Notes(NullReporter):
    """Keeps the notes; cancels at one that contains `stop_at`."""

    def __init__(self, stop_at: str = "\0") -> None:
        super().__init__()
        self.notes: list[str] = []
        self._stop_at = stop_at

    def advance(self, count: int = 1, *, checkpoint: Mapping[str, Any] | None = None, note: str = "") -> None:
        self.notes.append(note)
        if self._stop_at in note:
            raise Canceled


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the list of pauses, which take no time."""
    taken: list[float] = []

    def pause(client: HttpClient, seconds: float, note: str) -> None:
        if note:
            taken.append(seconds)
            client._reporter.advance(0, note=note)

    monkeypatch.setattr(HttpClient, "_pause", pause)
    return taken


def parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise InvalidResponse("the response is not JSON") from None


def get(*answers: Answer, reporter: NullReporter | None = None) -> tuple[Any, int]:
    """Return the value, and the number of requests that it needed."""
    answer, requests = serve_in_order(*answers)
    with serve(answer) as url, HttpClient(interval=0, reporter=reporter) as client:
        value = client.get(f"{url}/page", parse, {"pageToken": "a b&c"})
    assert {request.path for request in requests} == {"/page"}
    assert [request.query for request in requests] == [{"pageToken": "a b&c"}] * len(requests)
    return value, len(requests)


GOOD = Answer(b'{"studies": [1, 2]}')
PACKED = gzip.compress(GOOD.body)


@pytest.mark.parametrize(
    "bad",
    [
        Answer(status=429),
        Answer(status=500),
        Answer(status=503, body=b"<html>"),
        Answer(GOOD.body, sent=7),
        Answer(GOOD.body[:7]),
        Answer(is_dropped=True),
        Answer(PACKED[:20], headers={"Content-Encoding": "gzip"}),
        Answer(b"no gzip", headers={"Content-Encoding": "gzip"}),
    ],
)
def test_failures_that_may_pass_are_repeated(bad: Answer, pauses: list[float]) -> None:
    assert get(bad, bad, GOOD) == ({"studies": [1, 2]}, 3)
    assert pauses == [1.0, 2.0]


def test_packed_and_redirected_responses_are_read() -> None:
    assert get(Answer(PACKED, headers={"Content-Encoding": "gzip"}))[0] == {"studies": [1, 2]}
    assert get(Answer(status=302, headers={"Location": "/page?pageToken=a+b%26c"}), GOOD)[1] == 2


def test_the_pause_doubles_and_the_last_failure_is_reported(pauses: list[float]) -> None:
    reporter = Notes()
    with pytest.raises(FetchError, match=r"failed 8 times, at last: HTTP status 502\. Try again later") as caught:
        get(Answer(status=502), reporter=reporter)
    assert caught.value.exit_code is ExitCode.FAILED
    assert pauses == [1, 2, 4, 8, 16, 32, 60]
    assert reporter.notes[0] == "HTTP status 502; attempt 2 of 8 in 1 s"


def test_retry_after_is_honored(pauses: list[float]) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=600), usegmt=True)
    past = format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)
    answers = [Answer(status=429, headers={"Retry-After": value}) for value in ("30", at, past, "soon")]
    assert get(*answers, GOOD)[1] == 5
    assert pauses[0] == 30
    assert 60 < pauses[1] <= 600
    assert pauses[2:] == [4, 8]
    with pytest.raises(FetchError, match="asks for a pause of 86,400 seconds"):
        get(Answer(status=503, headers={"Retry-After": "86400"}))


def test_other_refusals_end_at_once(pauses: list[float]) -> None:
    with pytest.raises(FetchError, match=r"returns HTTP status 403\. Set FETCH_USER_AGENT to your organization"):
        get(Answer(status=403))
    with pytest.raises(FetchError, match=r"returns HTTP status 400\. Correct the URL or the query"):
        get(Answer(status=400))
    with pytest.raises(FetchError, match="redirects in a circle"):
        get(Answer(status=302, headers={"Location": "/page?pageToken=a+b%26c"}))
    assert pauses == []


def test_a_body_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "MAX_BYTES", 10)
    with pytest.raises(FetchError, match="sends more than 10 bytes"):
        get(GOOD)


def test_a_closed_port_is_reported(pauses: list[float]) -> None:
    with serve(lambda request: GOOD) as url:
        pass
    with pytest.raises(FetchError, match="failed 8 times, at last: ConnectError"), HttpClient(interval=0) as client:
        client.get(url, parse)


def test_a_pause_can_be_canceled() -> None:
    with pytest.raises(Canceled):
        get(Answer(status=429), reporter=Notes(stop_at="429"))


def test_requests_identify_themselves_and_keep_their_distance(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    settings.FETCH_USER_AGENT = "Example Fund admin@example.org"
    answer, requests = serve_in_order(GOOD)
    started = time.monotonic()
    with serve(answer) as url, HttpClient(interval=0.2) as client:
        for _ in range(3):
            client.get(url, parse)
    assert time.monotonic() - started >= 0.4
    assert {request.headers["User-Agent"] for request in requests} == {"Example Fund admin@example.org"}
