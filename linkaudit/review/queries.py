"""What a reviewer's desk shows: where the samples are, what one has done, and the place on the screen."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from linkaudit.models import LinkReview, ReviewSample, ReviewSlot
from linkaudit.queries import standing_reviews
from ncfd_site.core import sql

# A decision can be taken back for so long.
UNDO = timedelta(minutes=10)

PROGRESS = """
SELECT m.sample_id, m.heuristic, m.purpose, count(*) AS places, count(*) FILTER (WHERE s.state <> 'open') AS done
FROM review_samples m JOIN review_slots s USING (sample_id)
WHERE m.closed_at IS NULL GROUP BY m.sample_id ORDER BY m.sample_id
"""
# As claim_review_slot looks for places, to say beforehand whether it would find one, and why it would not.
WAITING = """
SELECT count(*) AS open,
    count(*) FILTER (WHERE mine OR (fits AND NOT leased)) > 0 AS is_served,
    min(lease_until) FILTER (WHERE fits AND leased AND NOT mine) AS next_frees
FROM (
    SELECT s.lease_until, s.lease_until > clock_timestamp() IS TRUE AS leased,
        s.leased_by = %(reviewer)s AND s.lease_until > clock_timestamp() IS TRUE AS mine,
        NOT EXISTS (SELECT FROM link_reviews r WHERE r.audit_id = s.audit_id AND r.reviewer = %(reviewer)s)
        AND NOT EXISTS (SELECT FROM review_skips k WHERE k.slot_id = s.slot_id AND k.reviewer = %(reviewer)s) AS fits
    FROM review_slots s JOIN review_samples m USING (sample_id)
    WHERE s.state = 'open' AND m.closed_at IS NULL
) places
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an open sample is, over all people."""

    sample_id: int
    heuristic: str
    purpose: str
    places: int
    done: int

    @property
    def is_promoted(self) -> bool:
        """Whether it looks after links that were promoted."""
        return self.purpose == ReviewSample.Purpose.PROMOTED


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a person: places open in all, whether one would be served now, and else when the next may be."""

    open: int
    is_served: bool
    next_frees: datetime | None


def progress() -> list[Progress]:
    """Return how far each open sample is."""
    return sql.rows(PROGRESS, of=Progress)


def waiting(person: User) -> Waiting:
    """Return what waits for a person."""
    return sql.rows(WAITING, {"reviewer": person.get_username()}, of=Waiting)[0]


def is_a_sample_open() -> bool:
    """Whether any place waits for anybody."""
    return ReviewSlot.objects.filter(state=ReviewSlot.State.OPEN, sample__closed_at=None).exists()


def said_today(person: User) -> int:
    """Return how many decisions of today (UTC) the person has given in the queue and not taken back."""
    morning = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return _in_queue(person).filter(reviewed_at__gte=morning).count()


def last_decision(person: User) -> LinkReview | None:
    """Return the person's last decision in the queue, as long as it can be taken back."""
    return _in_queue(person).filter(recorded_at__gt=Now() - UNDO).first()


def place(token: uuid.UUID, person: User) -> ReviewSlot | None:
    """Return the place that was leased to the person by this token; `is_live` says whether it still is."""
    is_live = ExpressionWrapper(Q(lease_until__gt=Now()), output_field=BooleanField())
    found = ReviewSlot.objects.filter(lease_token=token, leased_by=person.get_username())
    return found.annotate(is_live=is_live).first()


def _in_queue(person: User) -> QuerySet[LinkReview]:
    return standing_reviews().filter(reviewer=person.get_username(), mode=LinkReview.Mode.QUEUE)
