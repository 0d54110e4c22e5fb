"""The admin of documents and their parts."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import (
    Column,
    choice,
    value,
    when,
)
from ncfd_site.adminkit.composite import CompositeAdmin, register_composite
from ncfd_site.adminkit.links import object_link
from ncfd_site.adminkit.tables import ReadOnlyAdmin, Table
from ncfd_site.core import formatting
from storage.document_parts import document_entities
from storage.models import Document, DocumentCitation, DocumentNote, DocumentTable, DocumentTextPage

SEE_CONTENT = "storage.view_storageobject"


@admin.register(Document)
class DocumentAdmin(ReadOnlyAdmin):
    """Documents, and what was read out of them."""

    list_display = (
        value("doc_id", "document"),
        choice("source_type", "kind"),
        value("publisher"),
        value("source_url", "address", draw=formatting.render_link),
        when("published_at", "published", order=True),
        choice("status"),
        when("fetched_at", "fetched", empty="not fetched"),
    )
    list_filter = ("source_type", "status")
    search_by = (
        search.key("doc_id", "number"),
        search.exact("source_url", "address"),
        search.sha256("sha256"),
    )
    filled_by = "The loaders make one for each registry record and publication: `manage.py load_ctgov FILE`."
    hidden_fields = {"object": SEE_CONTENT, "storage_uri": SEE_CONTENT}

    def tables(self, request: HttpRequest, row: Any) -> list[Table]:
        """Its pages, what was recognised in it, and where it is used."""
        pages = row.text_pages.defer("text").order_by("page_no")
        found = document_entities(row.pk)
        return [
            Table(
                "Text",
                ("Page", "Characters"),
                [(object_link(page, f"page {page.page_no}"), page.char_count) for page in pages],
                "No text was read out of this document.",
                note=self._uses(row),
            ),
            Table(
                "Recognised in the text",
                ("Kind", "Text", "Normalised", "Page", "Confidence", "Detector"),
                [
                    (one.ent_type, one.value_text, one.value_norm, one.page_no, one.confidence, one.detector)
                    for one in found
                ],
                "No detector has recognised anything in this document.",
            ),
        ]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        context["tools"] = [(reverse("storage:document_file", args=[context["original"].pk]), "Download")]
        return super().render_change_form(request, context, *args, **kwargs)

    def _uses(self, row: Any) -> SafeString:
        claims = reverse("admin:linkaudit_linkaudit_changelist")
        return format_html('<a href="{}?doc={}">Link audits of this document</a>', claims, row.pk)


@register_composite(DocumentTextPage)
class DocumentTextPageAdmin(CompositeAdmin):
    """The text of documents, page by page."""

    list_display = (
        Column("page", "page", lambda row: f"document {row.doc_id}, page {row.page_no}", reads=("doc_id", "page_no")),
        value("char_count", "characters"),
    )
    search_by = (search.key("doc_id", "number of the document"),)
    filled_by = "The loaders write the text of the documents that they read."


@register_composite(DocumentTable)
class DocumentTableAdmin(CompositeAdmin):
    """The tables that were found in documents."""

    list_display = (
        Column(
            "table",
            "table",
            lambda row: f"document {row.doc_id}, page {row.page_no}, table {row.table_idx}",
            reads=("doc_id", "page_no", "table_idx"),
        ),
        value("detector"),
    )
    search_by = (search.key("doc_id", "number of the document"),)
    filled_by = "The pipelines write a row for each table that they find on a page."


@admin.register(DocumentCitation)
class DocumentCitationAdmin(ReadOnlyAdmin):
    """By which identifiers a document is cited."""

    list_display = (
        Column("doc", "document", lambda row: f"document {row.doc_id}", reads=("doc",)),
        value("doi", "DOI", empty="none"),
        value("pmid", "PMID", empty="none"),
        value("pmcid", "PMCID", empty="none"),
    )
    search_by = (search.key("doc_id", "number of the document"),)
    filled_by = "The pipelines write a row for each publication that has a DOI or a number in PubMed."


@admin.register(DocumentNote)
class DocumentNoteAdmin(ReadOnlyAdmin):
    """What people noted about documents."""

    list_display = (
        Column("doc", "document", lambda row: f"document {row.doc_id}", reads=("doc",)),
        value("author"),
        when("updated_at", "changed"),
    )
    search_by = (search.key("doc_id", "number of the document"),)
    filled_by = "Nobody has noted anything about a document yet."
