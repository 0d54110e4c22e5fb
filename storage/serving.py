"""Content as a download: its hash is checked before the first byte is sent, and it is never a page of this site.

The bytes are spooled first, in memory while they are few and in a nameless temporary file else: an answer that broke
off in the middle would look like a file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import Any, NamedTuple, TypeVar

from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from ncfd_site.config.errors import ConfigurationError
from storage.content import (
    CHUNK,
    ContentCorruptError,
    ContentError,
    ContentNotFoundError,
    ContentStore,
    InvalidUriError,
    get_content_store_for,
)
from storage.content.uris import parse_hash

Answer = TypeVar("Answer", bound=HttpResponseBase)

IN_MEMORY = 4 * CHUNK
RETRY_SECONDS = 60
POLICY = "default-src 'none'; sandbox"
ENDINGS = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "application/json": ".json",
    "application/pdf": ".pdf",
    "text/plain": ".txt",
}


class Obstacle(NamedTuple):
    """What is said instead of the bytes: the status, the title, what happened, what is safe and what to do."""

    status: int
    title: str
    reason: str


MISSING = Obstacle(
    404,
    "The content is not there",
    reason="The database knows this content, but the content store holds nothing under its address. Nothing was "
    "changed. An operator finds all such content with a check; loading its source again brings the bytes back.",
)
REFUSED = Obstacle(
    404,
    "That is no content",
    reason="The address in the database is none of the content store, or does not fit the hash beside it, so nothing "
    "was read. Nothing was changed. An operator finds all such rows with a check.",
)
DAMAGED = Obstacle(
    502,
    "The content is damaged",
    reason="What the content store holds has another hash than what was once put there. None of it was sent, and "
    "nothing was changed; what refers to it is safe. Tell an operator: loading its source again mends the copy.",
)
UNAVAILABLE = Obstacle(
    503,
    "The content store does not answer",
    reason="Whether the content is there cannot be told at the moment. Nothing was changed, and nothing is lost by "
    "that. Try again in a minute; if it stays so, tell an operator.",
)

NOT_SET_UP = Obstacle(
    503,
    "The content lies in a store that this site does not have",
    reason="Its row says that it lies on S3, and no such store is set up here. Nothing was changed. Whoever runs the "
    "site sets CONTENT_S3_BUCKET to the bucket that holds the content.",
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a row says of its content: where the bytes lie, their hash, and their type, which may be anything."""

    uri: str
    sha256: str
    content_type: Any = ""

    @property
    def file_name(self) -> str:
        """A name of letters, digits and a dot: the beginning of the hash, and an ending for types that are known."""
        kind = self.content_type if isinstance(self.content_type, str) else ""
        return f"{self.hash[:16]}{ENDINGS.get(kind.partition(';')[0].strip().lower(), '.bin')}"

    @property
    def hash(self) -> str:
        """The hash as addresses have it."""
        return self.sha256.lower()

    def store(self) -> ContentStore:
        """Return the store that holds it; raises InvalidUriError where address and hash do not fit."""
        store = get_content_store_for(self.uri)
        if parse_hash(self.uri, store.backend_type) != self.hash:
            raise InvalidUriError("The address does not name the content of that hash.")
        return store


def download(request: HttpRequest, look: Callable[[], Kept]) -> HttpResponse | FileResponse:
    """Answer with the content that `look` finds, or with a page that says why not.

    The row is looked at once more where its bytes are missing: content may move between the look and the reading.
    """
    kept = look()
    try:
        try:
            return _answer(request, kept)
        except ContentNotFoundError:
            again = look()
            if again == kept:
                raise
            return _answer(request, again)
    except ContentNotFoundError:
        return _page(request, MISSING)
    except InvalidUriError:
        return _page(request, REFUSED)
    except ContentCorruptError:
        return _page(request, DAMAGED)
    except ConfigurationError:
        return _page(request, NOT_SET_UP)
    except (ContentError, OSError):
        return _page(request, UNAVAILABLE)


def _answer(request: HttpRequest, kept: Kept) -> HttpResponse | FileResponse:
    store = kept.store()
    if request.method == "HEAD":
        return _headed(HttpResponse(), kept, store.get_size(kept.uri))
    file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 (the answer closes it)
    try:
        for piece in store.iter_chunks(kept.uri):
            file.write(piece)
        size = file.tell()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    response = FileResponse(file)
    response.block_size = CHUNK
    return _headed(response, kept, size)


def _headed(response: Answer, kept: Kept, size: int) -> Answer:
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Length": str(size),
        "Content-Disposition": f'attachment; filename="{kept.file_name}"',
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Accept-Ranges": "none",
        "Cache-Control": "no-store",
    }
    for name, value in headers.items():
        response.headers[name] = value
    return response


def _page(request: HttpRequest, obstacle: Obstacle) -> HttpResponse:
    context = {"title": obstacle.title, "reason": obstacle.reason}
    page = render(request, "storage/no_content.html", context, status=obstacle.status)
    if obstacle.status == UNAVAILABLE.status:
        page.headers["Retry-After"] = str(RETRY_SECONDS)
    return page
