"""The admin of content and of the references to it."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.html import format_html

from ncfd_site.admin import drawing, search
from ncfd_site.admin.columns import Column, related, value, when
from ncfd_site.admin.tables import ReadOnlyAdmin
from storage import queries
from storage.admin.cleanup import CleanupPage
from storage.admin.references import ReferencePages, referrer
from storage.models import StorageEvent, StorageObject, StorageReference

SHOWN = (
    "sha256",
    "backend_type",
    "tier",
    "storage_uri",
    "size",
    "count",
    "actual",
    "drift",
    "created_at",
    "last_accessed",
    "metadata",
)


def _drift(row: Any) -> str:
    difference = row.refcount - row.actual_references
    return "none" if difference == 0 else f"{difference:+d}: the count is wrong"


@admin.register(StorageObject)
class StorageObjectAdmin(CleanupPage, ReferencePages):
    """Content, how many rows refer to it, and whether the count is true."""

    list_display = (
        value("sha256", "SHA-256", draw=lambda text: format_html('<code title="{}">{}…</code>', text, text[:16])),
        value("backend_type", "backend"),
        value("size_bytes", "size", draw=drawing.size),
        value("refcount", "count", order=True),
        Column("actual_references", "references", lambda row: row.actual_references),
        Column("drift", "drift", _drift, reads=("refcount",)),
        when("created_at", "created", order=True),
        when("last_accessed", "last used", order=True),
    )
    list_filter = ("tier",)
    keeps_history = True
    search_by = (search.key("object_id", "number"), search.sha256("sha256"))
    filled_by = "The loaders make one for each content that they keep: `manage.py load_ctgov FILE`."

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Count the references of the page's objects, in one query."""
        counted = queries.reference_counts([row.pk for row in rows])
        for row in rows:
            row.actual_references = counted[row.pk]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            self.prepare_rows(request, [row])
        return row

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [*SHOWN]

    @admin.display(description="size")
    def size(self, row: Any) -> str:
        """The size with a unit."""
        return drawing.size(row.size_bytes)

    @admin.display(description="count, as stored")
    def count(self, row: Any) -> int:
        """The count that the database keeps."""
        return int(row.refcount)

    @admin.display(description="references")
    def actual(self, row: Any) -> int:
        """How many rows of storage_references there are."""
        return int(row.actual_references)

    @admin.display(description="drift")
    def drift(self, row: Any) -> str:
        """How far the count is from that."""
        return _drift(row)


@admin.register(StorageReference)
class StorageReferenceAdmin(ReadOnlyAdmin):
    """Which row refers to which content."""

    list_display = (
        value("reference_id", "reference"),
        Column(
            "referrer",
            "referrer",
            lambda row: referrer(row.reference_type, row.referenced_id),
            reads=("reference_type", "referenced_id"),
        ),
        related("object", "sha256", "content"),
        when("created_at", "recorded"),
    )
    search_by = (
        search.key("reference_id", "number"),
        search.SearchBy(
            "",
            "referrer (such as “document 12”)",
            search.pattern(r"(\S{1,50})\s+(\d{1,18})"),
            lambda term: Q(reference_type=term.split()[0], referenced_id=int(term.split()[1])),
        ),
    )
    filled_by = "The loaders add one for each row that refers to content; people add them on the page of the content."


@admin.register(StorageEvent)
class StorageEventAdmin(ReadOnlyAdmin):
    """What was done to content and to its counts."""

    list_display = (
        value("event_id", "event"),
        when("occurred_at", "occurred"),
        value("act"),
        value("object_id", "object"),
        value("sha256", "SHA-256"),
        value("actor"),
        value("reason"),
    )
    search_by = (
        search.key("event_id", "number of the event"),
        search.prefix("sha256", "beginning of the hash"),
    )
    filled_by = "An event is added when a count is brought right. Counts that never drifted leave no trace here."
