"""How content, its owners and its record are drawn in the admin."""

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ncfd_site.adminkit.links import list_link
from ncfd_site.adminkit.tables import Table
from ncfd_site.core import formatting
from storage.events import event_in_words
from storage.models import StorageEvent, StorageObject, StorageReference, StorageTombstone
from storage.owners import DOCUMENT, STUDY, Keeper, Owner

# Where the rows live that refer to content. Names of addresses, since this app knows no other app.
REFERRERS = {DOCUMENT: "admin:storage_document_change", STUDY: "admin:signals_study_change"}
EVENTS_SHOWN = 50
PLACES = {"local": "local disk", "s3": "S3"}


def referrer(reference_type: str, referenced_id: int) -> SafeString | str:
    """Return what refers to content, as a link where its page is known."""
    words = f"{reference_type} {referenced_id}"
    if reference_type not in REFERRERS:
        return words
    return format_html('<a href="{}">{}</a>', reverse(REFERRERS[reference_type], args=[referenced_id]), words)


def owner(reference: StorageReference, found: Owner | None, content: StorageObject) -> SafeString | str:
    """Return who the referrer is, or that it is not there, and whether it points to this content itself."""
    if found is None:
        if reference.reference_type not in REFERRERS:
            return formatting.render_quiet("kept by a pipeline, not known here")
        return format_html('<span class="verdict wrong">⚠</span> {} does not exist (yet)', str(reference))
    points = formatting.render_quiet("" if found.object_id == content.pk else ", points to other content or to none")
    return format_html("{}{}", found.name, points)


def kept_because(keeper: Keeper) -> SafeString:
    """Return the sentence that says what keeps content without references."""
    if keeper.is_referenced:
        return format_html("{}", "References to it exist.")
    if keeper.is_foreign:
        return format_html("{}", "Its address is none of a content store.")
    pointing = [(DOCUMENT, keeper.doc_id), (STUDY, keeper.study_id)]
    kind, key = next((kind, key) for kind, key in pointing if key is not None)
    return format_html("{} still points to it.", referrer(kind, key))


def places(content: StorageObject) -> Table:
    """Where the bytes of content lie, and where older copies of them wait to be deleted."""
    waiting = StorageTombstone.objects.filter(storage_uri__in=[f"{place}://{content.sha256}" for place in PLACES])
    backend = content.storage_uri.partition("://")[0]
    here = f"here, on {PLACES[backend]}" if backend in PLACES else "at an address that is none of a content store"
    rows: list[Sequence[Any]] = [(_address(content.storage_uri), here, "as long as its row is there")]
    for tombstone in waiting:
        is_due = tombstone.delete_after <= timezone.now()
        until = (
            "may be deleted now" if is_due else format_html("until {}", formatting.render_age(tombstone.delete_after))
        )
        rows.append((_address(tombstone.storage_uri), f"waiting: {tombstone.get_reason_display()}", until))
    note = "As the database has it: whether the bytes are there, the download and a check find out."
    return Table("Where the bytes lie", ("Address", "Copy", "Stays"), rows, "", note)


def _address(text: str) -> SafeString:
    return format_html('<code class="address">{}</code>', text)


def record(content: StorageObject) -> Table:
    """What was done to content, newest first."""
    events = StorageEvent.objects.filter(sha256=content.sha256, backend_type=content.backend_type)
    found = list(events.order_by("-event_id")[: EVENTS_SHOWN + 1])
    rows = [
        (
            formatting.render_age(one.occurred_at),
            event_in_words(one),
            one.actor,
            one.reason or formatting.render_quiet("not said"),
        )
        for one in found[:EVENTS_SHOWN]
    ]
    more = ""
    if len(found) > EVENTS_SHOWN:
        more = format_html("The latest {}. {}.", EVENTS_SHOWN, list_link(StorageEvent, "Show all", q=content.sha256))
    empty = "Nobody has added or released a reference by hand, and nothing was moved, mended or brought right."
    return Table("Record", ("When", "What", "Who", "Why"), rows, empty, more)
