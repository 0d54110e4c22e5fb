"""Writes of the review desk: lease, decide, skip, undo and renew. The rules and the clock are the database's."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from linkaudit.models import ReviewSlot
from linkaudit.queries import UNDO_PERIOD
from linkaudit.sampling.interim_analysis import run_due_analyses
from linkaudit.services import LABEL
from ncfd_site.core import sql
from ncfd_site.core.permissions import check_permission

# An open page renews its lease up to this time, and a decision counts as having taken at most this long.
MAX_DURATION = timedelta(hours=1)

SUBMIT = """
SELECT s.outcome, s.review_id, s.sample_id FROM submit_review(%(token)s, %(reviewer)s, %(decision)s, %(note)s, (
    SELECT round(least(extract(epoch FROM clock_timestamp() - leased_at), %(max_seconds)s), 1)
    FROM review_slots WHERE lease_token = %(token)s
)) s
"""


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """Outcome of a submitted decision: recorded, repeated (`review_id` is the first), expired, deleted or unknown."""

    outcome: str
    review_id: int | None
    sample_id: int | None


@dataclass(frozen=True, slots=True)
class UndoResult:
    """Outcome of an undo: undone (the slot is leased again by `token`), too late, used or unknown."""

    outcome: str
    token: uuid.UUID | None


def read_lease_duration() -> timedelta:
    """Return how long a slot is reserved for a reviewer."""
    return timedelta(minutes=settings.REVIEW_LEASE_MINUTES)


@transaction.atomic
def lease_slot(*, actor: User) -> ReviewSlot | None:
    """Lease the next slot to the actor, or return the one already leased; None if none is available.

    Raises PermissionDenied, as all functions here.
    """
    check_permission(actor, LABEL, "Labeling links")
    found = sql.call("claim_review_slot", actor.get_username(), None, read_lease_duration(), of=ReviewSlot)
    return found[0] if found else None


def submit_decision(token: uuid.UUID, decision: str, note: str, *, actor: User) -> SubmitResult:
    """Record "right", "wrong" or "unsure" on the leased slot, with its duration, and run the analyses it completes."""
    check_permission(actor, LABEL, "Labeling links")
    values = {
        "token": token,
        "reviewer": actor.get_username(),
        "decision": decision,
        "note": note,
        "max_seconds": MAX_DURATION.total_seconds(),
    }
    with transaction.atomic():
        result = sql.rows(SUBMIT, values, of=SubmitResult)[0]
    if result.outcome == "recorded" and result.sample_id is not None:
        run_due_analyses(result.sample_id)
    return result


@transaction.atomic
def skip_slot(token: uuid.UUID, reason: str, *, actor: User) -> bool:
    """Skip the leased slot; return False if the lease has expired."""
    check_permission(actor, LABEL, "Labeling links")
    return bool(sql.scalar("skip_review", token, actor.get_username(), reason))


@transaction.atomic
def undo_decision(review_id: int, *, actor: User) -> UndoResult:
    """Undo the actor's own decision, and lease its slot again."""
    check_permission(actor, LABEL, "Labeling links")
    return sql.call("undo_review", review_id, actor.get_username(), UNDO_PERIOD, read_lease_duration(), of=UndoResult)[
        0
    ]


@transaction.atomic
def undo_skip(skip_id: int, *, actor: User) -> UndoResult:
    """Undo the actor's own skip, and lease its slot again; the outcome can also be taken, by another reviewer."""
    check_permission(actor, LABEL, "Labeling links")
    return sql.call("undo_skip", skip_id, actor.get_username(), UNDO_PERIOD, read_lease_duration(), of=UndoResult)[0]


def correct_decision(review_id: int, decision: str, reason: str, *, actor: User) -> SubmitResult:
    """Replace the actor's own queue decision, and run the analyses that this completes.

    The outcome is corrected, unchanged, used (by an analysis or an adjudication) or unknown.
    """
    check_permission(actor, LABEL, "Labeling links")
    with transaction.atomic():
        result = sql.call("correct_review", review_id, actor.get_username(), decision, reason, of=SubmitResult)[0]
    if result.outcome == "corrected" and result.sample_id is not None:
        run_due_analyses(result.sample_id)
    return result


def renew_lease(token: uuid.UUID, *, actor: User) -> datetime | None:
    """Extend a live lease from now; return its new end, or None if it has expired."""
    check_permission(actor, LABEL, "Labeling links")
    slots = ReviewSlot.objects.filter(
        lease_token=token,
        leased_by=actor.get_username(),
        state=ReviewSlot.State.OPEN,
        lease_until__gt=Now(),
        leased_at__gt=Now() - MAX_DURATION,
    )
    if not slots.update(lease_until=Now() + read_lease_duration()):
        return None
    return slots.values_list("lease_until", flat=True).first()
