"""The last label that a person gave, remembered in the session so that it can be taken back."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone

from linkaudit.models import LinkAudit

KEY = "last_label"
OFFERED = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class LastLabel:
    """A label that can be taken back: of which link, what it says, when it was written, and the note before it."""

    audit_id: int
    about: str
    decision: bool | None
    written_at: datetime
    note_before: str | None


def remember(session: SessionBase, audit: LinkAudit, about: str, note_before: str | None) -> None:
    """Remember the label just written to `audit`, in place of an earlier one."""
    session[KEY] = {
        "audit_id": audit.pk,
        "about": about,
        "decision": audit.label,
        "written_at": audit.updated_at.isoformat(),
        "note_before": note_before,
    }


def last_label(session: SessionBase) -> LastLabel | None:
    """Return the last label, or None where there is none or it was given too long ago."""
    kept: dict[str, Any] | None = session.get(KEY)
    # A session may be older than this version of the site.
    if kept is None or not {"decision", "note_before"} <= kept.keys():
        return None
    written_at = datetime.fromisoformat(kept["written_at"])
    if timezone.now() - written_at > OFFERED:
        return None
    return LastLabel(kept["audit_id"], kept["about"], kept["decision"], written_at, kept["note_before"])


def forget(session: SessionBase) -> None:
    """Offer nothing to take back any more."""
    session.pop(KEY, None)
