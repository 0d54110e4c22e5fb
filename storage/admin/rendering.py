"""Objects, referrers and events in the admin."""

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ncfd_site.adminkit.links import render_list_link
from ncfd_site.adminkit.read_only import Table
from ncfd_site.core.formatting import render_age, render_quiet
from storage.messages import PLACES, describe_event
from storage.models import StorageEvent, StorageObject, StorageReference, StorageTombstone
from storage.referrers import DOCUMENT, STUDY, Referrer, RetentionReason

# URL names of referrers' pages; those of other apps are not imported.
REFERRER_PAGES = {DOCUMENT: "admin:storage_document_change", STUDY: "admin:signals_study_change"}
MAX_EVENTS = 50


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
    tombstones = StorageTombstone.objects.filter(storage_uri__in=[f"{place}://{row.sha256}" for place in PLACES])
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
        (render_age(one.occurred_at), describe_event(one), one.actor, one.reason or render_quiet("none"))
        for one in found[:MAX_EVENTS]
    ]
    more = ""
    if len(found) > MAX_EVENTS:
        more = format_html("The latest {}. {}.", MAX_EVENTS, render_list_link(StorageEvent, "Show all", q=row.sha256))
    empty = "No manual changes of references, moves or repairs."
    return Table("Audit log", ("When", "Action", "Actor", "Reason"), rows, empty, more)


def _render_uri(uri: str) -> SafeString:
    return format_html('<code class="address">{}</code>', uri)
