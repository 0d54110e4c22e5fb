"""What a reviewer does with a place of a sample; the rules are the database's, and so are all times."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from linkaudit.interim_analysis import look_at
from linkaudit.models import ReviewSlot
from linkaudit.review.queries import UNDO
from linkaudit.services import require_labelling
from ncfd_site.core import sql

# A page that is left open renews its lease no longer than this, and no decision counts as having taken longer.
LONGEST = timedelta(hours=1)

SUBMIT = """
SELECT s.outcome, s.review_id, s.sample_id FROM submit_review(%(token)s, %(reviewer)s, %(decision)s, %(note)s, (
    SELECT round(least(extract(epoch FROM clock_timestamp() - leased_at), %(longest)s), 1)
    FROM review_slots WHERE lease_token = %(token)s
)) s
"""


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of a decision: recorded; repeated (the review is the first one); expired, gone or unknown."""

    outcome: str
    review_id: int | None
    sample_id: int | None


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of taking a decision back: undone, and then its place is leased again; too late, used or unknown."""

    outcome: str
    token: uuid.UUID | None


def lease() -> timedelta:
    """How long somebody has a place to themselves."""
    return timedelta(minutes=settings.REVIEW_LEASE_MINUTES)


@transaction.atomic
def claim(*, actor: User) -> ReviewSlot | None:
    """Lease the next place to the actor, or the one that the actor has already; None where there is none.

    Raises PermissionDenied where the actor may not label.
    """
    require_labelling(actor)
    found = sql.call("claim_review_slot", actor.get_username(), None, lease(), of=ReviewSlot)
    return found[0] if found else None


def submit(token: uuid.UUID, decision: str, note: str, *, actor: User) -> Submitted:
    """Record the decision ("right", "wrong" or "unsure") on the place that the actor has leased, and how long it took.

    Where it completes what a look at the evidence waits for, the look is taken. Raises PermissionDenied where the
    actor may not label.
    """
    require_labelling(actor)
    values = {
        "token": token,
        "reviewer": actor.get_username(),
        "decision": decision,
        "note": note,
        "longest": LONGEST.total_seconds(),
    }
    with transaction.atomic():
        submitted = sql.rows(SUBMIT, values, of=Submitted)[0]
    if submitted.outcome == "recorded" and submitted.sample_id is not None:
        look_at(submitted.sample_id)
    return submitted


@transaction.atomic
def skip(token: uuid.UUID, reason: str, *, actor: User) -> bool:
    """Pass over the place that the actor has leased; returns False where it is no longer the actor's.

    Raises PermissionDenied where the actor may not label.
    """
    require_labelling(actor)
    return bool(sql.scalar("skip_review", token, actor.get_username(), reason))


@transaction.atomic
def undo(review_id: int, *, actor: User) -> Undone:
    """Take back the actor's own decision, and lease its place again. Raises PermissionDenied as above."""
    require_labelling(actor)
    return sql.call("undo_review", review_id, actor.get_username(), UNDO, lease(), of=Undone)[0]


def renew(token: uuid.UUID, *, actor: User) -> datetime | None:
    """Let a lease that has not ended begin anew; returns until when it lasts, None where it is over."""
    places = ReviewSlot.objects.filter(
        lease_token=token,
        leased_by=actor.get_username(),
        state=ReviewSlot.State.OPEN,
        lease_until__gt=Now(),
        leased_at__gt=Now() - LONGEST,
    )
    if not places.update(lease_until=Now() + lease()):
        return None
    return places.values_list("lease_until", flat=True).first()
