"""The download of the SEC's ticker list from a server that fails."""

import gzip
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from ncfd_site.core.progress import NullReporter
from ncfd_site.ingest import http_client
from ncfd_site.jobs.job_types import find_job_type
from securities.models import Security
from tests.http_server import Answer, serve, serve_in_order
from tests.ingest.lists import EXAMPLE, SAMPLE

pytestmark = pytest.mark.django_db
ROWS = [list(EXAMPLE), list(SAMPLE), *([number, f"Company {number}", f"T{number}", "NYSE"] for number in range(1, 40))]
WHOLE = json.dumps({"fields": ["cik", "name", "ticker", "exchange"], "data": ROWS}).encode()
PACKED = gzip.compress(WHOLE)
GOOD = Answer(PACKED, headers={"Content-Encoding": "gzip"})
HOSTILE = [
    Answer(status=429, headers={"Retry-After": "0"}), Answer(status=500), Answer(is_dropped=True),
    Answer(WHOLE, sent=500), Answer(WHOLE[:-20]), Answer(PACKED[:-40], headers={"Content-Encoding": "gzip"}),
    Answer(b"<html>Your request rate is too high</html>"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(http_client, "FIRST_DELAY", 0.0)
    settings.FETCH_USER_AGENT = "Example Fund olga@example.org"


def fetch(url: str, settings: Any, *options: Any) -> tuple[int, str]:
    settings.SEC_URL = f"{url}/files/"
    out = StringIO()
    try:
        call_command("fetch_sec_tickers", *map(str, options), stdout=out)
    except CommandError as error:
        return error.returncode, str(error)
    return 0, out.getvalue()


def test_a_hostile_server_gives_the_same_database(settings: Any, tmp_path: Path) -> None:
    for number in range(20):
        order = [*HOSTILE[number % 7 :], *HOSTILE[: number % 7], GOOD]
        answer, requests = serve_in_order(*order)
        with serve(answer) as url:
            code, text = fetch(url, settings, "--out", tmp_path / str(number), "--load")
        assert (code, len(requests), requests[0].path) == (0, 8, "/files/company_tickers_exchange.json"), text
        assert requests[0].headers["User-Agent"] == "Example Fund olga@example.org"
        (file,) = (tmp_path / str(number)).iterdir()
        assert file.read_bytes() == WHOLE
        found = Security.objects.values_list("cik", "ticker", "status", "effective_range__startswith")
        assert sorted(found) == sorted((row[0], row[2], "active", timezone.localdate()) for row in ROWS)


def test_a_list_that_stays_damaged_is_not_written(settings: Any, tmp_path: Path) -> None:
    answer, _ = serve_in_order(Answer(WHOLE[:-20]))
    with serve(answer) as url:
        code, message = fetch(url, settings, "--out", tmp_path / "out", "--load")
    assert code == 6
    assert "failed 8 times, at last: the list is cut or damaged" in message
    assert not (tmp_path / "out").exists()
    assert not Security.objects.exists()


def test_the_sec_requires_an_address(settings: Any, tmp_path: Path) -> None:
    settings.FETCH_USER_AGENT = "ncfd"
    code, message = fetch("http://127.0.0.1:9", settings, "--out", tmp_path)
    assert (code, message.startswith("FETCH_USER_AGENT holds no e-mail address")) == (2, True)


def test_the_background_job_loads_the_list(settings: Any, tmp_path: Path) -> None:
    settings.NCFD_HOME = tmp_path
    job_type = find_job_type("fetch_sec_tickers")
    assert job_type is not None
    answer, _ = serve_in_order(Answer(status=500), GOOD)
    with serve(answer) as url:
        settings.SEC_URL = f"{url}/files"
        result = job_type.run({}, NullReporter())
    assert (result["added"], Security.objects.count()) == (41, 41)
    assert job_type.conclude(result) == "41 securities added, 0 changed, 0 rejected."
