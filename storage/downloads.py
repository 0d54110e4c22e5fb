"""Downloads: the hash is verified before the first byte is sent, and the file is never rendered as a page.

Data is spooled before it is sent, since a response that breaks off would look like a complete file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import Any, NamedTuple, TypeVar

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ncfd_site.config.errors import ConfigurationError
from ncfd_site.core.permissions import require_permission
from storage.content import get_content_store
from storage.content.base import (
    CHUNK,
    ContentCorruptError,
    ContentError,
    ContentNotFoundError,
    InvalidUriError,
    parse_uri_of,
)
from storage.models import Document, StorageObject
from storage.views import VIEW_OBJECTS

Response = TypeVar("Response", bound=HttpResponseBase)

VIEW_DOCUMENTS = "storage.view_document"
MAX_KEY = 2**63 - 1
MAX_IN_MEMORY = 4 * CHUNK
RETRY_SECONDS = 60
POLICY = "default-src 'none'; sandbox"
FILE_EXTENSIONS = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "application/json": ".json",
    "application/pdf": ".pdf",
    "text/plain": ".txt",
}


class Failure(NamedTuple):
    """Status, title and message of the page shown instead of a file."""

    status: int
    title: str
    message: str


UNAVAILABLE = Failure(
    503,
    "Content store unavailable",
    "The content store does not answer. Nothing is lost. Try again in a minute; if it fails again, ask an operator.",
)
FAILURES: dict[type[Exception], Failure] = {
    ContentNotFoundError: Failure(
        404,
        "File missing",
        "The database has this object, but the content store has no data for it. Ask an operator to verify the "
        "content. Loading the source again restores the data.",
    ),
    InvalidUriError: Failure(
        404,
        "Invalid storage URI",
        "The storage URI of this object is invalid or does not match its hash, so nothing was read. Ask an operator "
        "to verify the content.",
    ),
    ContentCorruptError: Failure(
        502,
        "File corrupt",
        "The stored data does not match its hash, so none of it was sent. Ask an operator to repair it. Loading the "
        "source again also repairs it.",
    ),
    ConfigurationError: Failure(
        503,
        "Content store not configured",
        "The data is in S3, which is not configured on this site. Ask an administrator to set CONTENT_S3_BUCKET.",
    ),
}


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Storage URI, hash and media type in a row; the type may be any JSON value."""

    uri: str
    sha256: str
    content_type: Any = ""

    @property
    def name(self) -> str:
        """A file name: the start of the hash, and the extension of a known type."""
        content_type = self.content_type if isinstance(self.content_type, str) else ""
        extension = FILE_EXTENSIONS.get(content_type.partition(";")[0].strip().lower(), ".bin")
        return f"{self.sha256[:16].lower()}{extension}"


@require_safe
@require_permission(VIEW_OBJECTS)
def download_object(request: HttpRequest, object_id: int) -> HttpResponseBase:
    """Send the data of an object."""

    def find_file() -> StoredFile:
        row = StorageObject.objects.filter(pk=object_id).first() if object_id <= MAX_KEY else None
        if row is None:
            raise Http404(f"There is no object {object_id}. It was deleted, or the address is wrong.")
        return _build_file(row)

    return _send_file(request, find_file)


@require_safe
@require_permission(VIEW_DOCUMENTS)
def download_document(request: HttpRequest, doc_id: int) -> HttpResponseBase:
    """Send the data of a document as fetched."""

    def find_file() -> StoredFile:
        documents = Document.objects.select_related("object")
        document = documents.filter(pk=doc_id).first() if doc_id <= MAX_KEY else None
        if document is None:
            raise Http404(f"There is no document {doc_id}. It was deleted, or the address is wrong.")
        if document.object is not None:
            return _build_file(document.object, document.content_type)
        return StoredFile(document.storage_uri, document.sha256, document.content_type)

    return _send_file(request, find_file)


def _build_file(row: StorageObject, content_type: Any = None) -> StoredFile:
    if not content_type and isinstance(row.metadata, dict):
        content_type = row.metadata.get("content_type")
    return StoredFile(row.storage_uri, row.sha256, content_type)


def _send_file(request: HttpRequest, find_file: Callable[[], StoredFile]) -> HttpResponse | FileResponse:
    """Respond with the file, or a page with the reason.

    The row is read again if its data is missing, since the object may have moved in between.
    """
    stored = find_file()
    try:
        try:
            return _build_response(request, stored)
        except ContentNotFoundError:
            current = find_file()
            if current == stored:
                raise
            return _build_response(request, current)
    except (ContentError, ConfigurationError, OSError) as error:
        failure = FAILURES.get(type(error), UNAVAILABLE)
        context = {"title": failure.title, "message": failure.message}
        page = render(request, "storage/download_failed.html", context, status=failure.status)
        if failure.status == UNAVAILABLE.status:
            page.headers["Retry-After"] = str(RETRY_SECONDS)
        return page


def _build_response(request: HttpRequest, stored: StoredFile) -> HttpResponse | FileResponse:
    store = get_content_store(parse_uri_of(stored.sha256, stored.uri).backend)
    if request.method == "HEAD":
        return _set_headers(HttpResponse(), stored, store.get_size(stored.uri))
    file = SpooledTemporaryFile(max_size=MAX_IN_MEMORY)  # noqa: SIM115 (closed by the response)
    size = 0
    try:
        for chunk in store.iter_chunks(stored.uri):
            size += file.write(chunk)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    response = FileResponse(file)
    response.block_size = CHUNK
    return _set_headers(response, stored, size)


def _set_headers(response: Response, stored: StoredFile, size: int) -> Response:
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Length": str(size),
        "Content-Disposition": f'attachment; filename="{stored.name}"',
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Accept-Ranges": "none",
        "Cache-Control": "no-store",
    }
    for name, value in headers.items():
        response.headers[name] = value
    return response
