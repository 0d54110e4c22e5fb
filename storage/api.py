"""Documents, without their bytes and text: those are on the pages."""

from datetime import datetime

from django.http import Http404, HttpRequest
from ninja import Query, Schema
from pydantic import Field

from ncfd_site.api import keyset
from ncfd_site.api.operations import Key, ListParams, Page, declare_get, register_router
from storage.models import Document

router = register_router("documents", 90)
VIEW = "storage.view_document"


class DocumentItem(Schema):
    """One document that was found."""

    doc_id: int
    source_type: str
    source_url: str | None
    publisher: str | None
    published_at: datetime | None
    content_type: str | None
    sha256: str = Field(description="Hash of the bytes as they were fetched.")
    oa_status: str | None
    status: str
    error_msg: str | None
    discovered_at: datetime
    fetched_at: datetime | None
    parsed_at: datetime | None
    object_id: int | None = Field(description="Its bytes in the content store.")


class Documents(Page):
    """Some documents."""

    items: list[DocumentItem]


class DocumentsAsked(ListParams):
    """Which documents."""

    source_type: Document.SourceType | None = None
    status: Document.Status | None = None


@declare_get(router, "/documents", VIEW, Documents, "Documents, the newest first")
def documents(request: HttpRequest, asked: Query[DocumentsAsked]) -> object:
    """What was found, without its text."""
    found = Document.objects.all()
    if asked.source_type:
        found = found.filter(source_type=asked.source_type)
    if asked.status:
        found = found.filter(status=asked.status)
    page = keyset.page(request, found, [keyset.Key("pk", descending=True)], asked.limit, asked.cursor)
    return {"items": page.rows, "next": page.next}


@declare_get(router, "/documents/{doc_id}", VIEW, DocumentItem, "One document")
def document(request: HttpRequest, doc_id: Key) -> object:
    """One document, without its text."""
    found = Document.objects.filter(pk=doc_id).first()
    if found is None:
        raise Http404(f"There is no document {doc_id}.")
    return found
