"""The last label that a person gave, remembered in the session so that it can be taken back."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone

from linkaudit.models import LinkAudit
from linkaudit.services import LabelState

KEY = "last_label"
OFFERED = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class LastLabel:
    """A label that can be taken back: of which link, what it says, when it was written, and what was there before."""

    audit_id: int
    about: str
    verdict: bool | None
    written_at: datetime
    before: LabelState


def remember(session: SessionBase, audit: LinkAudit, about: str, before: LabelState) -> None:
    """Remember the label just written to `audit`, in place of an earlier one."""
    session[KEY] = {
        "audit_id": audit.pk,
        "about": about,
        "verdict": audit.label,
        "written_at": audit.updated_at.isoformat(),
        "before": {
            "label": before.label,
            "label_source": before.label_source,
            "reviewed_by": before.reviewed_by,
            "reviewed_at": before.reviewed_at.isoformat() if before.reviewed_at else None,
            "review_notes": before.review_notes,
        },
    }


def last_label(session: SessionBase) -> LastLabel | None:
    """Return the last label, or None where there is none or it was given too long ago."""
    kept: dict[str, Any] | None = session.get(KEY)
    if kept is None:
        return None
    written_at = datetime.fromisoformat(kept["written_at"])
    if timezone.now() - written_at > OFFERED:
        return None
    before = dict(kept["before"])
    if before["reviewed_at"]:
        before["reviewed_at"] = datetime.fromisoformat(before["reviewed_at"])
    return LastLabel(kept["audit_id"], kept["about"], kept["verdict"], written_at, LabelState(**before))


def forget(session: SessionBase) -> None:
    """Offer nothing to take back any more."""
    session.pop(KEY, None)
