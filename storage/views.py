"""The page of all content, and content as a download."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ncfd_site.core.formatting import format_size
from ncfd_site.core.permissions import current_user, require_permission
from ncfd_site.jobs.queue import OPEN
from storage.buckets import GRACE_DAYS
from storage.drawings import charts
from storage.forms import CheckForm, CleanForm, MoveForm
from storage.models import Document, StorageObject
from storage.overview import jobs, last_check, overview
from storage.serving import Kept, download
from storage.work import OPERATE

VIEW = "storage.view_storageobject"
VIEW_DOCUMENT = "storage.view_document"
LARGEST_KEY = 2**63 - 1


@require_safe
@require_permission(VIEW)
def content(request: HttpRequest) -> HttpResponse:
    """Show all content in numbers, and the work on it; operators start work here."""
    return render(request, "storage/content.html", content_context(request))


@require_safe
@require_permission(VIEW)
def object_file(request: HttpRequest, object_id: int) -> HttpResponseBase:
    """Send the bytes of content."""

    def look() -> Kept:
        found = StorageObject.objects.filter(pk=object_id).first() if object_id <= LARGEST_KEY else None
        if found is None:
            raise Http404(f"There is no content {object_id}: it was deleted, or the address is mistyped.")
        return _kept(found)

    return download(request, look)


@require_safe
@require_permission(VIEW_DOCUMENT)
def document_file(request: HttpRequest, doc_id: int) -> HttpResponseBase:
    """Send the bytes of a document, as they were fetched."""

    def look() -> Kept:
        documents = Document.objects.select_related("object")
        found = documents.filter(pk=doc_id).first() if doc_id <= LARGEST_KEY else None
        if found is None:
            raise Http404(f"There is no document {doc_id}: it was deleted, or the address is mistyped.")
        if found.object is not None:
            return _kept(found.object, found.content_type)
        return Kept(found.storage_uri, found.sha256, found.content_type)

    return download(request, look)


def content_context(request: HttpRequest, **given: Any) -> dict[str, Any]:
    """Return what the page of content shows; `given` are forms that were sent with mistakes."""
    user = current_user(request)
    found = overview()
    latest = jobs()
    return {
        "title": "Content",
        "found": found,
        "bytes": format_size(found.total.size_bytes),
        "candidate_bytes": format_size(found.candidates.size_bytes),
        "tombstone_bytes": format_size(found.tombstones.size_bytes),
        "grace_days": GRACE_DAYS,
        "charts": charts(found, linked=user.is_staff) if found.total.contents else [],
        "last_check": last_check(),
        "jobs": latest,
        "open_jobs": [job for job in latest if job.state in OPEN],
        "may_operate": user.has_perm(OPERATE),
        "check_form": CheckForm(),
        "clean_form": CleanForm(),
        "move_form": MoveForm(),
        **given,
    }


def _kept(found: StorageObject, content_type: Any = None) -> Kept:
    if not content_type and isinstance(found.metadata, dict):
        content_type = found.metadata.get("content_type")
    return Kept(found.storage_uri, found.sha256, content_type)
