"""Reads of the review desk: progress of the samples, available slots, and the reviewer's own decisions."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.functions import Now
from django.utils import timezone

from linkaudit.models import LinkReview, ReviewSample, ReviewSkip, ReviewSlot
from linkaudit.queries import UNDO_PERIOD, list_active_decisions
from ncfd_site.core import sql

PROGRESS = """
SELECT m.sample_id, m.heuristic, m.purpose, count(*) AS slot_count,
    count(*) FILTER (WHERE s.state <> 'open') AS done_count
FROM review_samples m JOIN review_slots s USING (sample_id)
WHERE m.closed_at IS NULL GROUP BY m.sample_id ORDER BY m.sample_id
"""
# The rule by which claim_review_slot selects a slot.
AVAILABILITY = """
SELECT count(*) AS open_count,
    count(*) FILTER (WHERE is_own OR (is_eligible AND NOT is_leased)) > 0 AS is_available,
    min(lease_until) FILTER (WHERE is_eligible AND is_leased AND NOT is_own) AS next_at
FROM (
    SELECT s.lease_until, s.lease_until > clock_timestamp() IS TRUE AS is_leased,
        s.leased_by = %(reviewer)s AND s.lease_until > clock_timestamp() IS TRUE AS is_own,
        NOT EXISTS (SELECT FROM link_reviews r WHERE r.audit_id = s.audit_id AND r.reviewer = %(reviewer)s)
        AND NOT EXISTS (SELECT FROM review_skips k WHERE k.slot_id = s.slot_id AND k.reviewer = %(reviewer)s
                        AND k.undone_at IS NULL)
            AS is_eligible
    FROM review_slots s JOIN review_samples m USING (sample_id)
    WHERE s.state = 'open' AND m.closed_at IS NULL
) slots
"""


@dataclass(frozen=True, slots=True)
class DeskSample:
    """Progress of an open sample, over all reviewers."""

    sample_id: int
    heuristic: str
    purpose: str
    slot_count: int
    done_count: int

    @property
    def is_promoted_check(self) -> bool:
        """True if it checks promoted links."""
        return self.purpose == ReviewSample.Purpose.PROMOTED


@dataclass(frozen=True, slots=True)
class Availability:
    """Number of open slots, whether the reviewer can get one now, and if not, when the next lease expires."""

    open_count: int
    is_available: bool
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class LastAct:
    """The last decision ("review") or skip ("skip") of a reviewer, which can be undone."""

    kind: str
    pk: int
    audit_id: int
    at: datetime
    decision: str = ""
    note: str = ""


def list_desk_samples() -> list[DeskSample]:
    """Return the progress of each open sample."""
    return sql.rows(PROGRESS, of=DeskSample)


def read_availability(reviewer: User) -> Availability:
    """Return the number of open slots, and whether the reviewer can lease one now."""
    return sql.rows(AVAILABILITY, {"reviewer": reviewer.get_username()}, of=Availability)[0]


def count_decisions_today(reviewer: User) -> int:
    """Return the number of the reviewer's queue decisions today (UTC) that were not undone."""
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return list_active_decisions(reviewer).filter(mode=LinkReview.Mode.QUEUE, reviewed_at__gte=midnight).count()


def find_last_act(reviewer: User) -> LastAct | None:
    """Return the reviewer's last decision or skip at the desk, if the undo period is not over."""
    # A correction is changed by another one: to undo it would ask a reviewer who has seen the label.
    decisions = list_active_decisions(reviewer).filter(mode=LinkReview.Mode.QUEUE, supersedes=None)
    review = decisions.filter(recorded_at__gt=Now() - UNDO_PERIOD).first()
    skips = ReviewSkip.objects.filter(reviewer=reviewer.get_username(), undone_at=None)
    skip = skips.filter(skipped_at__gt=Now() - UNDO_PERIOD).order_by("-pk").first()
    if skip and (review is None or skip.skipped_at > review.recorded_at):
        return LastAct("skip", skip.pk, skip.audit_id, skip.skipped_at)
    if review is None:
        return None
    return LastAct("review", review.pk, review.audit_id, review.recorded_at, review.decision, review.note or "")


def find_leased_slot(token: uuid.UUID, reviewer: User) -> ReviewSlot | None:
    """Return the slot that was leased to the reviewer by this token; `is_live` if the lease has not expired."""
    is_live = ExpressionWrapper(Q(lease_until__gt=Now()), output_field=BooleanField())
    slots = ReviewSlot.objects.filter(lease_token=token, leased_by=reviewer.get_username())
    return slots.annotate(is_live=is_live).first()
