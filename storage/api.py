"""Documents in the API, without data and text."""

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
    """A document."""

    doc_id: int
    source_type: str
    source_url: str | None
    publisher: str | None
    published_at: datetime | None
    content_type: str | None
    sha256: str = Field(description="SHA-256 of the data as fetched.")
    oa_status: str | None
    status: str
    error_msg: str | None
    discovered_at: datetime
    fetched_at: datetime | None
    parsed_at: datetime | None
    object_id: int | None = Field(description="Its object in the content store.")


class DocumentPage(Page):
    """A page of documents."""

    items: list[DocumentItem]


class DocumentParams(ListParams):
    """Filters of the documents."""

    source_type: Document.SourceType | None = None
    status: Document.Status | None = None


@declare_get(router, "/documents", VIEW, DocumentPage, "Documents, newest first")
def list_documents(request: HttpRequest, params: Query[DocumentParams]) -> object:
    """Return a page of documents."""
    documents = Document.objects.all()
    if params.source_type:
        documents = documents.filter(source_type=params.source_type)
    if params.status:
        documents = documents.filter(status=params.status)
    page = keyset.page(request, documents, [keyset.Key("pk", descending=True)], params.limit, params.cursor)
    return {"items": page.rows, "next": page.next}


@declare_get(router, "/documents/{doc_id}", VIEW, DocumentItem, "One document")
def get_document(request: HttpRequest, doc_id: Key) -> object:
    """Return a document."""
    document = Document.objects.filter(pk=doc_id).first()
    if document is None:
        raise Http404(f"There is no document {doc_id}.")
    return document
