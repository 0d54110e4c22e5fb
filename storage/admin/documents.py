"""The admin of documents and their parts."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import Column, age_column, choice_column, value_column
from ncfd_site.adminkit.composite_keys import CompositeAdmin, register_composite
from ncfd_site.adminkit.links import render_object_link
from ncfd_site.adminkit.read_only import ReadOnlyAdmin, Table
from ncfd_site.core.formatting import render_link
from storage.models import Document, DocumentCitation, DocumentNote, DocumentTable, DocumentTextPage
from storage.queries import list_document_entities

VIEW_OBJECTS = "storage.view_storageobject"


@admin.register(Document)
class DocumentAdmin(ReadOnlyAdmin):
    """Documents with their text and recognized entities."""

    list_display = (
        value_column("doc_id", "document"),
        choice_column("source_type", "kind"),
        value_column("publisher"),
        value_column("source_url", "URL", render=render_link),
        age_column("published_at", "published", order=True),
        choice_column("status"),
        age_column("fetched_at", "fetched", empty="not fetched"),
    )
    list_filter = ("source_type", "status")
    search_by = (
        search.by_key("doc_id", "ID"),
        search.by_text("source_url", "URL"),
        search.by_sha256("sha256"),
    )
    filled_by = "Loaders add a document for each registry record and publication: `manage.py load_ctgov FILE`."
    hidden_fields = {"object": VIEW_OBJECTS, "storage_uri": VIEW_OBJECTS}

    def get_tables(self, request: HttpRequest, row: Any) -> list[Table]:
        """Return the text pages and the recognized entities."""
        pages = row.text_pages.defer("text").order_by("page_no")
        return [
            Table(
                "Text",
                ("Page", "Characters"),
                [(render_object_link(page, f"page {page.page_no}"), page.char_count) for page in pages],
                "No text was extracted from this document.",
                note=format_html(
                    '<a href="{}?doc={}">Links of this document</a>',
                    reverse("admin:linkaudit_linkaudit_changelist"),
                    row.pk,
                ),
            ),
            Table(
                "Recognized entities",
                ("Kind", "Text", "Normalized", "Page", "Confidence", "Detector"),
                [
                    (one.ent_type, one.value_text, one.value_norm, one.page_no, one.confidence, one.detector)
                    for one in list_document_entities(row.pk)
                ],
                "No entities were recognized in this document.",
            ),
        ]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        context["tools"] = [(reverse("storage:document_file", args=[context["original"].pk]), "Download")]
        return super().render_change_form(request, context, *args, **kwargs)


@register_composite(DocumentTextPage)
class DocumentTextPageAdmin(CompositeAdmin):
    """Extracted text by page."""

    list_display = (
        Column("page", "page", lambda row: f"document {row.doc_id}, page {row.page_no}", reads=("doc_id", "page_no")),
        value_column("char_count", "characters"),
    )
    search_by = (search.by_key("doc_id", "document ID"),)
    filled_by = "Loaders add the text of the documents that they read."


@register_composite(DocumentTable)
class DocumentTableAdmin(CompositeAdmin):
    """Tables found in documents."""

    list_display = (
        Column(
            "table",
            "table",
            lambda row: f"document {row.doc_id}, page {row.page_no}, table {row.table_idx}",
            reads=("doc_id", "page_no", "table_idx"),
        ),
        value_column("detector"),
    )
    search_by = (search.by_key("doc_id", "document ID"),)
    filled_by = "Pipelines add a row for each table that they find on a page."


DOCUMENT = Column("doc", "document", lambda row: f"document {row.doc_id}", reads=("doc",))


@admin.register(DocumentCitation)
class DocumentCitationAdmin(ReadOnlyAdmin):
    """Citation identifiers of documents."""

    list_display = (
        DOCUMENT,
        value_column("doi", "DOI", empty="none"),
        value_column("pmid", "PMID", empty="none"),
        value_column("pmcid", "PMCID", empty="none"),
    )
    search_by = (search.by_key("doc_id", "document ID"),)
    filled_by = "Pipelines add a row for each publication with a DOI or PubMed ID."


@admin.register(DocumentNote)
class DocumentNoteAdmin(ReadOnlyAdmin):
    """Reviewers' notes on documents."""

    list_display = (
        DOCUMENT,
        value_column("author"),
        age_column("updated_at", "changed"),
    )
    search_by = (search.by_key("doc_id", "document ID"),)
    filled_by = "No notes on documents yet."
