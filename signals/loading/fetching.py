"""Download of registry records, page by page; a stopped download resumes after its last whole page."""

import fcntl
import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from ncfd_site.core.progress import ProgressReporter
from ncfd_site.ingest.http_client import FetchError, HttpClient, InvalidResponse
from ncfd_site.ingest.json_records import parse_json
from ncfd_site.ingest.records import InvalidRecord
from signals.models import IngestState

PAGE_SIZE = 1000
# The registry allows about 50 requests a minute.
INTERVAL = 1.25
# The parts of a record that the loader reads.
FIELDS = (
    "IdentificationModule|StatusModule|SponsorCollaboratorsModule|DescriptionModule|ConditionsModule|DesignModule"
    "|ArmsInterventionsModule|OutcomesModule|EligibilityModule|ReferencesModule|LargeDocumentModule|HasResults"
)
# Reads of all pages, if records move between pages while they are read.
PASSES = 3
_STATE = "state.json"


@dataclass
class _State:
    """A download: its request, the whole pages, the token of the next page ("" for the first, None after the last)."""

    request: dict[str, str]
    tokens: list[str] = field(default_factory=list)
    next_token: str | None = ""
    nct_ids: list[str] = field(default_factory=list)
    total: int | None = None

    def save(self, folder: Path) -> None:
        _write_durably(folder / _STATE, json.dumps(asdict(self)).encode())


@dataclass(frozen=True, slots=True)
class _Page:
    body: bytes
    nct_ids: list[str]
    next_token: str | None
    total: int | None


def find_cursor() -> date | None:
    """Return the day through which updates are imported."""
    return IngestState.objects.values_list("cursor_last_update_posted", flat=True).first()


def fetch_ctgov(folder: Path, reporter: ProgressReporter, *, since: date | None = None, query: str = "") -> list[Path]:
    """Download the records updated since a day that match a query, and return their pages in a folder of their own.

    A download of the same request that did not finish is resumed. Raises FetchError.
    """
    request = {"pageSize": str(PAGE_SIZE), "countTotal": "true", "fields": FIELDS, "sort": "LastUpdatePostDate:asc"}
    if since:
        request["filter.advanced"] = f"AREA[LastUpdatePostDate]RANGE[{since},MAX]"
    if query:
        request["query.term"] = query
    name = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:8]
    target = folder / f"ctgov_{since or 'all'}_{name}"
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder), HttpClient(interval=INTERVAL, reporter=reporter) as client:
        for _ in range(PASSES):
            state = _fetch_pages(client, target, request, reporter)
            # Records that are newer than the count come last; only missing ones are a gap.
            if state.total is None or len(set(state.nct_ids)) >= state.total:
                return _finish(target)
            shutil.rmtree(target)
    raise FetchError("The registry changed while it was read. Try again later.")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other processes from downloading into a folder; raises FetchError while one does."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise FetchError(f"Another process downloads into {folder}. Wait until it has finished.") from None
    finally:
        os.close(lock)


def _fetch_pages(client: HttpClient, folder: Path, request: dict[str, str], reporter: ProgressReporter) -> _State:
    state = _read_state(folder, request)
    is_resumed, has_started = bool(state.tokens), False
    folder.mkdir(parents=True, exist_ok=True)
    while state.next_token is not None:
        try:
            page = _fetch_page(client, request, state)
        except FetchError as error:
            if not (is_resumed and not has_started and "HTTP status 400" in str(error)):
                raise
            # The registry has forgotten the token of an old download.
            state, is_resumed = _State(request), False
            continue
        _write_durably(folder / f"page-{len(state.tokens) + 1:06}.json.gz", gzip.compress(page.body, 1, mtime=0))
        state.tokens.append(state.next_token or "")
        state.nct_ids += page.nct_ids
        state.next_token, state.total = page.next_token, page.total if page.total is not None else state.total
        state.save(folder)
        if not has_started:
            reporter.begin("Fetching ClinicalTrials.gov", state.total, "records")
            has_started, page_count = True, len(state.nct_ids)
        else:
            page_count = len(page.nct_ids)
        reporter.advance(page_count)
    return state


def _fetch_page(client: HttpClient, request: Mapping[str, str], state: _State) -> _Page:
    token, known = state.next_token, {*state.tokens, state.next_token}

    def parse(body: bytes) -> _Page:
        page = _parse_page(body)
        if page.next_token in known:
            raise InvalidResponse("the registry repeats a page")
        if page.next_token is not None and not page.nct_ids:
            raise InvalidResponse("the page holds no study, but is not the last one")
        return page

    url = f"{settings.CTGOV_URL.rstrip('/')}/studies"
    return client.get(url, parse, {**request, **({"pageToken": token} if token else {})})


def _parse_page(body: bytes) -> _Page:
    try:
        document = parse_json(body)
        studies = document["studies"]
        nct_ids = [study["protocolSection"]["identificationModule"]["nctId"] for study in studies]
        token, total = document.get("nextPageToken"), document.get("totalCount")
    except (InvalidRecord, LookupError, TypeError, AttributeError) as error:
        raise InvalidResponse(f"the response is no page of studies, or is cut: {error}") from None
    return _Page(body, nct_ids, token or None, total if isinstance(total, int) else None)


def _read_state(folder: Path, request: dict[str, str]) -> _State:
    try:
        found = _State(**json.loads((folder / _STATE).read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return _State(request)
    pages = all((folder / f"page-{number:06}.json.gz").is_file() for number in range(1, len(found.tokens) + 1))
    return found if found.request == request and pages else _State(request)


def _finish(folder: Path) -> list[Path]:
    """Rename the folder by the time of its end, so that the next download of this request is a new one."""
    done = folder.with_name(f"{folder.name}_{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    (folder / _STATE).unlink()
    folder.rename(done)
    return sorted(done.glob("page-*.json.gz"))


def _write_durably(path: Path, data: bytes) -> Any:
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
