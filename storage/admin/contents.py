"""The admin of content and of the references to it."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import (
    Column,
    related,
    value,
    when,
)
from ncfd_site.adminkit.filters import choices
from ncfd_site.adminkit.links import object_url
from ncfd_site.adminkit.tables import ReadOnlyAdmin, Table
from ncfd_site.core import formatting
from storage import queries
from storage.admin.cleanup import CleanupPage
from storage.admin.drawn import places, record, referrer
from storage.admin.references import ReferencePages
from storage.buckets import REFERENCES, SIZES
from storage.events import ACTIONS, action_in_words
from storage.models import StorageEvent, StorageObject, StorageReference, StorageTombstone

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

# Short, for the list; the page of one has the whole sentence.
REASONS = {"deleted": "row deleted", "moved": "row moved", "expected": "announced", "orphaned": "found without row"}


def _short(text: str, length: int = 16) -> SafeString:
    return format_html('<code title="{}">{}…</code>', text, text[:length])


def _drift(row: Any) -> str:
    difference = row.refcount - row.actual_references
    return "none" if difference == 0 else f"{difference:+d}: the count is wrong"


@admin.register(StorageObject)
class StorageObjectAdmin(CleanupPage, ReferencePages):
    """Content, how many rows refer to it, and whether the count is true."""

    list_display = (
        value("sha256", "SHA-256", draw=_short),
        value("backend_type", "backend"),
        value("size_bytes", "size", draw=formatting.format_size),
        value("refcount", "count", order=True),
        Column("actual_references", "references", lambda row: row.actual_references),
        Column("drift", "drift", _drift, reads=("refcount",)),
        when("created_at", "created", order=True),
        when("last_accessed", "last used", order=True),
    )
    list_filter = (
        "tier",
        choices("backend_type", "backend", *((name, name, {"backend_type": name}) for name in ("local", "s3"))),
        choices("size", "size", *((one.key, one.words, one.condition("size_bytes")) for one in SIZES)),
        choices("references", "count", *((one.key, one.words, one.condition("refcount")) for one in REFERENCES)),
    )
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

    def tables(self, request: HttpRequest, row: Any) -> list[Table]:
        """Who refers to this content, where its bytes lie, and what was done to it."""
        return [*super().tables(request, row), places(row), record(row)]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        content = context["original"]
        context["tools"] = [
            (reverse("storage:object_file", args=[content.pk]), "Download"),
            (object_url(content, "history"), "History"),
        ]
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description="size")
    def size(self, row: Any) -> str:
        """The size with a unit."""
        return formatting.format_size(row.size_bytes)

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
        value("action", draw=action_in_words),
        value("object_id", "object", empty="none"),
        value("sha256", "SHA-256", draw=_short),
        value("actor"),
        value("reason", empty="not said"),
    )
    list_filter = (
        choices("action", "action", *((action, words, {"action": action}) for action, words in ACTIONS.items())),
    )
    search_by = (
        search.key("event_id", "number of the event"),
        search.prefix("sha256", "hash"),
    )
    filled_by = (
        "An event is added when somebody refers, releases, cleans, moves or mends, and when a count is put right."
    )


@admin.register(StorageTombstone)
class StorageTombstoneAdmin(ReadOnlyAdmin):
    """Bytes that wait to be deleted, because no row names them."""

    list_display = (
        value("storage_uri", "address", draw=lambda text: _short(text, 20)),
        value("reason", draw=lambda reason: REASONS.get(reason, reason)),
        value("size_bytes", "size", draw=lambda count: formatting.format_size(count) if count else "not known"),
        when("delete_after", "kept until", order=True),
        when("created_at", "since"),
        value("actor", "left by"),
    )
    list_filter = (
        choices("reason", "reason", *((r.value, r.label, {"reason": r.value}) for r in StorageTombstone.Reason)),
    )
    search_by = (search.exact("storage_uri", "address", str.strip),)
    filled_by = (
        "Deleting or moving a row leaves one, and so does announcing bytes; `manage.py storage_gc` deletes the bytes "
        "when their time is over, unless a row names them by then."
    )
