"""The download of registry records from a server that fails."""

import json
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ncfd_site.core.progress import NullReporter
from ncfd_site.ingest import http_client
from ncfd_site.jobs.job_types import find_job_type
from signals.loading import fetching
from signals.models import IngestState, Trial
from tests.http_server import Answer, Request, serve
from tests.ingest.studies import status, study

pytestmark = pytest.mark.django_db

RECORDS = [study(number, statusModule=status(posted=f"2024-03-{number:02}")) for number in range(1, 14)]
SIZE = 3


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch, content_root: Path) -> None:
    monkeypatch.setattr(http_client, "FIRST_DELAY", 0.0)
    monkeypatch.setattr(fetching, "INTERVAL", 0.0)


def fetch(url: str, settings: Any, *options: Any) -> tuple[int, str]:
    settings.CTGOV_URL = url
    out = StringIO()
    try:
        call_command("fetch_ctgov", *map(str, options), stdout=out, stderr=StringIO())
    except CommandError as error:
        return error.returncode, str(error)
    return 0, out.getvalue()


def page(start: int, records: list[Any] = RECORDS) -> Answer:
    end = start + SIZE
    more = {"nextPageToken": f"t{end}"} if end < len(records) else {}
    return Answer(json.dumps({"studies": records[start:end], "totalCount": len(records), **more}).encode())


def start_of(request: Request) -> int:
    return int(request.query.get("pageToken", "t0")[1:])


def hostile(seed: int) -> Callable[[Request], Answer]:
    """Return a server that fails in another way at each request, and answers well at the last."""
    count = iter(range(seed, 10_000))
    moved = iter([True])

    def answer(request: Request) -> Answer:
        start, whole = start_of(request), page(start_of(request))
        if start == 2 * SIZE and seed % 4 == 0 and next(moved, False):
            # A record that was updated leaves this page for one that was read before.
            return Answer(json.dumps({**json.loads(whole.body), "studies": RECORDS[start + 1 : start + SIZE]}).encode())
        failures = [
            Answer(status=429, headers={"Retry-After": "0"}),
            whole,
            Answer(status=500),
            Answer(whole.body, sent=len(whole.body) // 2),
            Answer(whole.body[:-9]),
            Answer(is_dropped=True),
            page(max(0, start - SIZE)) if start else Answer(status=503),
            Answer(b"<html>maintenance</html>"),
        ]
        return failures[next(count) % len(failures)]

    return answer


def trials() -> list[Any]:
    return list(Trial.objects.order_by("nct_id").values_list("nct_id", "current_sha256", "last_update_posted_date"))


def test_a_hostile_server_gives_the_same_database(settings: Any, tmp_path: Path) -> None:
    with serve(lambda request: page(start_of(request))) as url:
        code, _ = fetch(url, settings, "--out", tmp_path / "calm", "--load")
    assert code == 0
    expected = trials()
    assert len(expected) == len(RECORDS)
    for seed in range(20):
        Trial.objects.all().delete()
        with serve(hostile(seed)) as url:
            code, text = fetch(url, settings, "--out", tmp_path / str(seed), "--load")
        assert code == 0, text
        assert trials() == expected, seed
        (folder,) = (tmp_path / str(seed)).iterdir()
        assert len(list(folder.iterdir())) == 5


def test_a_stopped_download_resumes_after_its_last_whole_page(settings: Any, tmp_path: Path) -> None:
    requests: list[Request] = []
    is_up: Iterator[bool] = iter([True, True, True])

    def answer(request: Request) -> Answer:
        requests.append(request)
        return page(start_of(request)) if next(is_up, False) else Answer(status=404)

    with serve(answer) as url:
        code, message = fetch(url, settings, "--out", tmp_path, "--load")
        assert (code, "HTTP status 404" in message) == (6, True)
        assert not Trial.objects.exists()
        is_up = iter([True] * 9)
        assert fetch(url, settings, "--out", tmp_path, "--load")[0] == 0
    assert [start_of(request) for request in requests] == [0, 3, 6, 9, 9, 12]
    assert Trial.objects.count() == len(RECORDS)


def test_only_updates_since_the_latest_day_are_requested(settings: Any, tmp_path: Path) -> None:
    requests: list[Request] = []

    def answer(request: Request) -> Answer:
        requests.append(request)
        return page(0, RECORDS[:2])

    with serve(answer) as url:
        for options in (["--load"], ["--since", "auto", "--query", "asthma"], ["--since", "2024-01-02"]):
            assert fetch(url, settings, "--out", tmp_path, *options)[0] == 0
    assert str(IngestState.objects.get().cursor_last_update_posted) == "2024-03-02"
    first, updates, since = (request.query for request in requests)
    assert (first["pageSize"], "filter.advanced" in first, "query.term" in first) == ("1000", False, False)
    assert "OutcomesModule|" in first["fields"]
    assert updates["filter.advanced"] == "AREA[LastUpdatePostDate]RANGE[2024-03-02,MAX]"
    assert updates["query.term"] == "asthma"
    assert since["filter.advanced"] == "AREA[LastUpdatePostDate]RANGE[2024-01-02,MAX]"
    assert requests[0].path == "/studies"


def test_a_registry_that_keeps_changing_is_an_error(settings: Any, tmp_path: Path) -> None:
    body = json.dumps({"studies": RECORDS[:2], "totalCount": 3}).encode()
    with serve(lambda request: Answer(body)) as url:
        code, message = fetch(url, settings, "--out", tmp_path, "--load")
    assert code == 6
    assert message.startswith("The registry changed while it was read. Try again later.")
    assert not Trial.objects.exists()


def test_the_background_job_loads_what_was_updated(settings: Any, tmp_path: Path) -> None:
    settings.NCFD_HOME = tmp_path
    job_type = find_job_type("fetch_ctgov")
    assert job_type.describe({}) == "updates since the latest day that was loaded"
    with serve(lambda request: page(start_of(request))) as url:
        settings.CTGOV_URL = url
        result = job_type.run({}, NullReporter())
    assert job_type.conclude(result) == "13 trials added, 0 changed, 0 unchanged, 0 rejected."
    assert Trial.objects.count() == len(RECORDS)
