"""Objects, referrers and events in the admin."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Func, TextField
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ncfd_site.adminkit.links import render_list_link
from ncfd_site.adminkit.read_only import Table
from ncfd_site.core.formatting import format_size, render_age, render_quiet
from storage.models import StorageEvent, StorageObject, StorageReference, StorageTombstone
from storage.queries import DOCUMENT, STUDY, Referrer, RetentionReason

# URL names of referrers' pages; those of other apps are not imported.
REFERRER_PAGES = {DOCUMENT: "admin:storage_document_change", STUDY: "admin:signals_study_change"}
MAX_EVENTS = 50
ACTION_LABELS = {
    "reference_added": "reference added",
    "reference_released": "reference released",
    "count_corrected": "count corrected",
    "object_deleted": "row deleted",
    "bytes_deleted": "data deleted",
    "moved": "moved",
    "repaired": "repaired",
}
PLACES = {"local": "local disk", "s3": "S3"}


def render_referrer_link(reference_type: str, referenced_id: int) -> SafeString | str:
    """Return a referrer's kind and key, linked if its page is known."""
    text = f"{reference_type} {referenced_id}"
    if reference_type not in REFERRER_PAGES:
        return text
    return format_html('<a href="{}">{}</a>', reverse(REFERRER_PAGES[reference_type], args=[referenced_id]), text)


def render_referrer(reference: StorageReference, referrer: Referrer | None, row: StorageObject) -> SafeString | str:
    """Return a referrer's name, with a note if it does not exist or points to another object."""
    if referrer is None:
        if reference.reference_type not in REFERRER_PAGES:
            return render_quiet("unknown kind, maintained by a pipeline")
        return format_html('<span class="status wrong">⚠</span> {} does not exist (yet)', str(reference))
    note = render_quiet("" if referrer.object_id == row.pk else ", points to another object or to none")
    return format_html("{}{}", referrer.name, note)


def render_retention_reason(reason: RetentionReason) -> SafeString:
    """Return why garbage collection keeps an object, as a sentence."""
    if reason.is_referenced:
        return format_html("{}", "It is referenced.")
    if reason.is_foreign:
        return format_html("{}", "Its URI is of no store of this site.")
    pointing = [(DOCUMENT, reason.doc_id), (STUDY, reason.study_id)]
    kind, key = next((kind, key) for kind, key in pointing if key is not None)
    return format_html("{} still points to it.", render_referrer_link(kind, key))


def build_locations(row: StorageObject) -> Table:
    """Return the table of an object's data, and of older copies until their deletion."""
    by_hash = Func("storage_uri", function="get_storage_uri_hash", output_field=TextField())
    tombstones = StorageTombstone.objects.alias(hash=by_hash).filter(hash=row.sha256)
    backend = row.storage_uri.partition("://")[0]
    current = f"current, on {PLACES[backend]}" if backend in PLACES else "at a URI of no store of this site"
    rows: list[Sequence[Any]] = [(_render_uri(row.storage_uri), current, "as long as its row exists")]
    for tombstone in tombstones:
        is_due = tombstone.delete_after <= timezone.now()
        until = "due for deletion" if is_due else format_html("until {}", render_age(tombstone.delete_after))
        rows.append((_render_uri(tombstone.storage_uri), f"tombstone: {tombstone.get_reason_display()}", until))
    note = "According to the database. Download or verify the content to check the data."
    return Table("Data", ("URI", "Copy", "Kept"), rows, "", note)


def build_history(row: StorageObject) -> Table:
    """Return the table of an object's events, newest first."""
    events = StorageEvent.objects.filter(sha256=row.sha256, backend_type=row.backend_type)
    found = list(events.order_by("-event_id")[: MAX_EVENTS + 1])
    rows = [
        (render_age(one.occurred_at), _describe_event(one), one.actor, one.reason or render_quiet("none"))
        for one in found[:MAX_EVENTS]
    ]
    more = ""
    if len(found) > MAX_EVENTS:
        more = format_html("The latest {}. {}.", MAX_EVENTS, render_list_link(StorageEvent, "Show all", q=row.sha256))
    empty = "No manual changes of references, moves or repairs."
    return Table("Audit log", ("When", "Action", "Actor", "Reason"), rows, empty, more)


def describe_action(action: str) -> str:
    """Return the label of an event's action; an unknown one is returned unchanged."""
    return ACTION_LABELS.get(action, action)


def _describe_event(event: StorageEvent) -> str:
    detail = _describe_detail(event.detail if isinstance(event.detail, dict) else {})
    return f"{describe_action(event.action)}: {detail}" if detail else describe_action(event.action)


def _describe_detail(detail: dict[str, Any]) -> str:
    if "reference_type" in detail:
        count = detail.get("refcount")
        refcount = f", refcount {count}" if isinstance(count, int) else ""
        return f"{detail['reference_type']} {detail.get('reference_id', '')}".strip() + refcount
    if "was" in detail and "is" in detail:
        what = f"{detail['what']} " if isinstance(detail.get("what"), str) else ""
        return f"{what}from {detail['was']} to {detail['is']}"
    if "from" in detail and "to" in detail:
        old, new = (str(detail[end]).partition("://")[0] for end in ("from", "to"))
        return f"from {PLACES.get(old, old)} to {PLACES.get(new, new)}"
    return format_size(detail["size_bytes"]) if isinstance(detail.get("size_bytes"), int) else ""


def _render_uri(uri: str) -> SafeString:
    return format_html('<code class="address">{}</code>', uri)
