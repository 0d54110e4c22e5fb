"""HTTP client of the fetch commands: rate limit, retries with backoff, and validated responses."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from ncfd_site.config.errors import ExitCode, UserError
from ncfd_site.core.progress import NullReporter, ProgressReporter

Value = TypeVar("Value")

ATTEMPTS = 8
# Seconds before the second attempt; they double with each attempt.
FIRST_DELAY, MAX_DELAY = 1.0, 60.0
# A service that asks for a longer pause ends the command.
MAX_RETRY_AFTER = 900.0
TIMEOUT = httpx.Timeout(60.0, connect=15.0)
# A page of 1,000 complete records has about 50 MB.
MAX_BYTES = 512 << 20
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
# Waiting stops within this many seconds after Ctrl-C.
_SLICE = 0.5


class FetchError(UserError):
    """A service cannot be read; requests that may succeed later were repeated."""

    exit_code = ExitCode.FAILED


class InvalidResponse(ValueError):
    """A body is not what was requested, for example because it was cut; the request is repeated."""


class _TransientFailure(Exception):
    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class HttpClient:
    """GET requests to a service, at most one in `interval` seconds, repeated after failures that may pass.

    `reporter` shows pauses, and cancels them.
    """

    def __init__(self, *, interval: float, reporter: ProgressReporter | None = None) -> None:
        self._interval = interval
        self._reporter = reporter or NullReporter()
        self._next_at = 0.0
        self._client = httpx.Client(
            headers={"User-Agent": settings.FETCH_USER_AGENT}, timeout=TIMEOUT, follow_redirects=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, url: str, parse: Callable[[bytes], Value], params: Mapping[str, str] | None = None) -> Value:
        """Return the parsed body of the response.

        `parse` raises InvalidResponse for a body that another request may correct. Raises FetchError.
        """
        for attempt in range(1, ATTEMPTS + 1):
            self._pause(self._next_at - time.monotonic(), "")
            self._next_at = time.monotonic() + self._interval
            try:
                return parse(self._read(url, params or {}))
            except (_TransientFailure, InvalidResponse) as failure:
                host, reason = urlsplit(url).netloc, str(failure)
                delay = max(min(MAX_DELAY, FIRST_DELAY * 2 ** (attempt - 1)), getattr(failure, "retry_after", 0.0))
                if attempt == ATTEMPTS:
                    raise FetchError(f"{host} failed {ATTEMPTS} times, at last: {reason}. Try again later.") from None
                if delay > MAX_RETRY_AFTER:
                    raise FetchError(f"{host}: {reason}. It asks for a pause of {delay:,.0f} seconds.") from None
                self._pause(delay, f"{reason}; attempt {attempt + 1} of {ATTEMPTS} in {delay:,.0f} s")
        raise AssertionError

    def _read(self, url: str, params: Mapping[str, str]) -> bytes:
        body = bytearray()
        try:
            with self._client.stream("GET", url, params=params) as response:
                if response.status_code in _TRANSIENT:
                    raise _TransientFailure(
                        f"HTTP status {response.status_code}", _read_retry_after(response.headers.get("Retry-After"))
                    )
                if response.status_code != httpx.codes.OK:
                    raise FetchError(_describe_refusal(response))
                for piece in response.iter_bytes():
                    body += piece
                    if len(body) > MAX_BYTES:
                        raise FetchError(f"{response.url} sends more than {MAX_BYTES:,} bytes. Reduce the page size.")
        except httpx.TooManyRedirects:
            raise FetchError(f"{url} redirects in a circle. Correct the URL of the service.") from None
        except (httpx.RequestError, httpx.StreamError) as error:
            raise _TransientFailure(f"{type(error).__name__}: {error}".rstrip(": .")) from None
        return bytes(body)

    def _pause(self, seconds: float, note: str) -> None:
        end = time.monotonic() + seconds
        while (rest := end - time.monotonic()) > 0:
            self._reporter.advance(0, note=note)
            time.sleep(min(rest, _SLICE))


def _describe_refusal(response: httpx.Response) -> str:
    advice = "Correct the URL or the query."
    if response.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        advice = (
            "Set FETCH_USER_AGENT to your organization and e-mail address, or wait ten minutes after many requests."
        )
    return f"{response.url} returns HTTP status {response.status_code}. {advice}"


def _read_retry_after(value: str | None) -> float:
    """Return the seconds of a Retry-After header, which holds seconds or a date; 0 without a readable one."""
    text = (value or "").strip()
    if text.isdecimal():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
