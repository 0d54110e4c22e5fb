"""Values kept in the session: the last label given on a link's page, and recent leases of the review desk."""

import uuid
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone

from linkaudit.models import LinkAudit
from linkaudit.queries import UNDO_PERIOD

LAST_LABEL, SLOTS, NOTES = "last_label", "review_slots", "review_notes"
MAX_LEASES = 20


@dataclass(frozen=True, slots=True)
class LastLabel:
    """A label that can be undone, with the note before it. `subject` describes the link."""

    audit_id: int
    subject: str
    label: bool | None
    labeled_at: datetime
    previous_note: str | None


def remember_label(session: SessionBase, audit: LinkAudit, subject: str, previous_note: str | None) -> None:
    """Store the label just written to `audit` in the session, in place of an earlier one."""
    label = LastLabel(audit.pk, subject, audit.label, audit.updated_at, previous_note)
    session[LAST_LABEL] = {**asdict(label), "labeled_at": audit.updated_at.isoformat()}


def find_last_label(session: SessionBase) -> LastLabel | None:
    """Return the last label given in this session, if it can still be undone."""
    stored: dict[str, Any] | None = session.get(LAST_LABEL)
    # A session can be older than this version of the site.
    if stored is None or "previous_note" not in stored:
        return None
    labeled_at = datetime.fromisoformat(stored["labeled_at"])
    return None if timezone.now() - labeled_at > UNDO_PERIOD else LastLabel(**{**stored, "labeled_at": labeled_at})


def remember_lease(session: SessionBase, token: uuid.UUID | None, slot_id: int, note: str = "") -> None:
    """Remember that a slot was leased to this user, and the note to put into its form.

    So a note outlives a lease that expires.
    """
    _store_lease_value(session, SLOTS, token, slot_id)
    if note:
        _store_lease_value(session, NOTES, token, note)


def find_leased_slot_id(session: SessionBase, token: uuid.UUID | str) -> int | None:
    """Return the slot that was leased to this user by `token`, also if the lease has expired."""
    found: int | None = session.get(SLOTS, {}).get(str(token))
    return found


def find_note(session: SessionBase, token: uuid.UUID | None) -> str:
    """Return the note stored with a lease, for the form of its slot."""
    return str(session.get(NOTES, {}).get(str(token), ""))


def _store_lease_value(session: SessionBase, name: str, token: uuid.UUID | None, value: int | str) -> None:
    stored = {**session.get(name, {}), str(token): value}
    session[name] = dict(list(stored.items())[-MAX_LEASES:])
