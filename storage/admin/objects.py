"""The admin of objects, references, events and tombstones."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import Column, age_column, related_column, value_column
from ncfd_site.adminkit.filters import fixed_choices_filter
from ncfd_site.adminkit.links import get_object_url
from ncfd_site.adminkit.read_only import ReadOnlyAdmin, Table
from ncfd_site.core.formatting import format_size
from storage.admin.candidates import CandidatePage
from storage.admin.references import ReferencePages
from storage.admin.rendering import (
    ACTION_LABELS,
    build_history,
    build_locations,
    describe_action,
    render_referrer_link,
)
from storage.models import StorageEvent, StorageObject, StorageReference, StorageTombstone
from storage.overview import REFERENCES, SIZES
from storage.queries import count_references

# Shorter than the labels of the model, for the list.
REASON_LABELS = {
    "deleted": "row deleted",
    "moved": "row moved",
    "expected": "announced",
    "orphaned": "found without row",
}


def _shorten_as_code(text: str, length: int = 16) -> SafeString:
    return format_html('<code title="{}">{}…</code>', text, text[:length])


def _format_drift(row: Any) -> str:
    difference = row.refcount - row.actual_references
    return "none" if difference == 0 else f"{difference:+d}: wrong count"


SIZE = value_column("size_bytes", "size", render=format_size)
ACTUAL = Column("actual_references", "references", lambda row: row.actual_references)
DRIFT = Column("drift", "drift", _format_drift, reads=("refcount",))
FIELDS = (
    "sha256",
    "backend_type",
    "tier",
    "storage_uri",
    SIZE,
    value_column("refcount", "stored count"),
    ACTUAL,
    DRIFT,
    "created_at",
    "last_accessed",
    "metadata",
)


@admin.register(StorageObject)
class StorageObjectAdmin(CandidatePage, ReferencePages):
    """Objects with their reference counts and drift."""

    list_display = (
        value_column("sha256", "SHA-256", render=_shorten_as_code),
        value_column("backend_type", "backend"),
        SIZE,
        value_column("refcount", "count", order=True),
        ACTUAL,
        DRIFT,
        age_column("created_at", "created", order=True),
        age_column("last_accessed", "last used", order=True),
    )
    list_filter = (
        "tier",
        fixed_choices_filter(
            "backend_type", "backend", *((name, name, {"backend_type": name}) for name in ("local", "s3"))
        ),
        fixed_choices_filter("size", "size", *((one.key, one.label, one.build_filter("size_bytes")) for one in SIZES)),
        fixed_choices_filter(
            "references", "count", *((one.key, one.label, one.build_filter("refcount")) for one in REFERENCES)
        ),
    )
    keeps_history = True
    search_by = (search.by_key("object_id", "ID"), search.by_sha256("sha256"))
    filled_by = "Loaders add an object for each file that they store: `manage.py load_ctgov FILE`."

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Count the references of the listed objects in one query."""
        counts = count_references([row.pk for row in rows])
        for row in rows:
            row.actual_references = counts[row.pk]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            self.prepare_rows(request, [row])
        return row

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [*FIELDS]

    def get_tables(self, request: HttpRequest, row: Any) -> list[Table]:
        """Return references, locations of the data, and the audit log."""
        return [*super().get_tables(request, row), build_locations(row), build_history(row)]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        row = context["original"]
        context["tools"] = [
            (reverse("storage:object_file", args=[row.pk]), "Download"),
            (get_object_url(row, "history"), "History"),
        ]
        return super().render_change_form(request, context, *args, **kwargs)


@admin.register(StorageReference)
class StorageReferenceAdmin(ReadOnlyAdmin):
    """References from rows to objects."""

    list_display = (
        value_column("reference_id", "reference"),
        Column(
            "referrer",
            "referrer",
            lambda row: render_referrer_link(row.reference_type, row.referenced_id),
            reads=("reference_type", "referenced_id"),
        ),
        related_column("object", "sha256", "object"),
        age_column("created_at", "added"),
    )
    search_by = (
        search.by_key("reference_id", "ID"),
        search.SearchField(
            "",
            "referrer (such as “document 12”)",
            search.compile_pattern(r"(\S{1,50})\s+(\d{1,18})"),
            lambda term: Q(reference_type=term.split()[0], referenced_id=int(term.split()[1])),
        ),
    )
    filled_by = "Loaders add a reference for each row that uses an object; operators add them on the object's page."


@admin.register(StorageEvent)
class StorageEventAdmin(ReadOnlyAdmin):
    """The audit log of objects and their counts."""

    list_display = (
        value_column("event_id", "event"),
        age_column("occurred_at", "occurred"),
        value_column("action", render=describe_action),
        value_column("object_id", "object", empty="none"),
        value_column("sha256", "SHA-256", render=_shorten_as_code),
        value_column("actor"),
        value_column("reason", empty="none"),
    )
    list_filter = (
        fixed_choices_filter(
            "action", "action", *((one, label, {"action": one}) for one, label in ACTION_LABELS.items())
        ),
    )
    search_by = (
        search.by_key("event_id", "ID"),
        search.by_prefix("sha256", "SHA-256"),
    )
    filled_by = "Manual changes of references, garbage collection, moves and repairs add events."


@admin.register(StorageTombstone)
class StorageTombstoneAdmin(ReadOnlyAdmin):
    """Data without a row, and when it is deleted."""

    list_display = (
        value_column("storage_uri", "URI", render=lambda text: _shorten_as_code(text, 20)),
        value_column("reason", render=lambda reason: REASON_LABELS.get(reason, reason)),
        value_column("size_bytes", "size", render=lambda size: format_size(size) if size else "unknown"),
        age_column("delete_after", "kept until", order=True),
        age_column("created_at", "since"),
        value_column("actor"),
    )
    list_filter = (
        fixed_choices_filter(
            "reason", "reason", *((r.value, r.label, {"reason": r.value}) for r in StorageTombstone.Reason)
        ),
    )
    search_by = (search.by_text("storage_uri", "URI", str.strip),)
    filled_by = (
        "Deleted, moved and announced objects leave a tombstone. `manage.py storage_gc` deletes the data when due, "
        "unless a row references it again."
    )
