"""Download of the SEC's ticker list."""

import re
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from ncfd_site.config.errors import ConfigurationError
from ncfd_site.core.progress import ProgressReporter
from ncfd_site.ingest.http_client import HttpClient, InvalidResponse
from ncfd_site.ingest.json_records import parse_json
from ncfd_site.ingest.records import InvalidRecord

NAME = "company_tickers_exchange"
# The SEC allows ten requests a second.
INTERVAL = 0.2


def fetch_sec_tickers(folder: Path, reporter: ProgressReporter) -> Path:
    """Download the list into the folder, and return its file, named by the day (UTC).

    Raises ConfigurationError without an address in FETCH_USER_AGENT, and FetchError.
    """
    if not re.search(r"[^@\s]+@[^@\s]+\.[^@\s]+", settings.FETCH_USER_AGENT):
        raise ConfigurationError(
            "FETCH_USER_AGENT holds no e-mail address, which the SEC requires. Set it to your organization and address,"
            " such as Example Fund admin@example.org."
        )
    reporter.begin("Fetching the SEC's ticker list", 1, "files")
    with HttpClient(interval=INTERVAL, reporter=reporter) as client:
        body = client.get(f"{settings.SEC_URL.rstrip('/')}/{NAME}.json", _require_list)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{NAME}_{datetime.now(UTC).date()}.json"
    # Renamed when it is whole, so that a stopped download leaves no part of a list.
    part = path.with_suffix(".part")
    part.write_bytes(body)
    part.replace(path)
    reporter.advance(note=f"{len(body):,} bytes")
    return path


def _require_list(body: bytes) -> bytes:
    try:
        document = parse_json(body)
    except InvalidRecord as error:
        raise InvalidResponse(f"the list is cut or damaged: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("data"), list) or not document["data"]:
        raise InvalidResponse("the response is not the SEC's list")
    return body
