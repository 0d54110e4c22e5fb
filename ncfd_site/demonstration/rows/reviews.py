"""Samples of links, what people said of their places, what they passed over, and a look at the evidence."""

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random

from linkaudit.interim_analysis import look_at
from linkaudit.models import LinkAudit, LinkReview, ReviewSample, ReviewSkip, ReviewSlot
from ncfd_site.core import sql
from ncfd_site.demonstration.plan.calendar import Calendar
from ncfd_site.demonstration.plan.labels import Proposal

SEED = 1719  # the year of Robinson Crusoe
SHARE = "0.15"
# One sample is settled and looked at, one is half done; of what was promoted, some is looked after.
MOST = 100_000
SETTLED, HALF_DONE, PROMOTED = "HP-1", "HP-2", "HP-1"
DONE_OF_THE_HALF = 22
WHY_UNSURE = "The record names the drug in a background arm only."
WHY_WRONG = "Only mentioned as a comparator."
WHY_RIGHT = "Second arm, by its code."
WHY_RESOLVED = "The arm group lists it as an intervention."
SKIPPED = ("The text is not readable.", "I have worked on this trial myself.")
# What the database wrote as of now, as of when it happened.
BACKDATE = """
UPDATE link_audit a SET updated_at = greatest(r.reviewed_at, a.created_at)
FROM (SELECT audit_id, max(reviewed_at) AS reviewed_at FROM link_reviews GROUP BY audit_id) r
WHERE r.audit_id = a.audit_id AND a.updated_at >= now()
"""
SINCE = """
UPDATE link_disagreements d SET opened_at = (SELECT max(reviewed_at) FROM link_reviews r WHERE r.audit_id = d.audit_id)
"""


def add_reviews(proposals: Sequence[Proposal], calendar: Calendar) -> None:
    """Add samples and decisions on their places; `proposals` say what a careful reader would."""
    truth = {one.audit_id: one.is_true for one in proposals}
    # What nobody has noticed so far, nobody notices here: people overlook things.
    unnoticed = LinkAudit.objects.filter(heuristic_applied=SETTLED, label=None)
    truth |= dict.fromkeys(unnoticed.values_list("pk", flat=True), True)
    settled = _draw(SETTLED, 100, "precision", calendar.at(-9, 8))
    _review(settled, 100, truth, calendar.at(-9, 9))
    look_at(settled.pk, at=calendar.at(-7, 17))

    half = _draw(HALF_DONE, 60, "precision", calendar.at(-6, 9))
    said = _review(half, DONE_OF_THE_HALF, truth, calendar.at(-5, 8))
    _differ(half, said, calendar)
    _skip(half, calendar)

    promoted = _draw(PROMOTED, 20, "promoted", calendar.at(-3, 6))
    _review(promoted, 8, truth, calendar.at(-2, 9))

    sql.execute(BACKDATE)
    sql.execute(SINCE)


def _draw(heuristic: str, size: int, purpose: str, at: datetime) -> ReviewSample:
    """Draw a sample, of the links that were there at the time."""
    number = sql.scalar("draw_review_sample", heuristic, MOST, SHARE, purpose, SEED, "olga")
    slots = ReviewSlot.objects.filter(sample_id=number)
    younger = LinkAudit.objects.filter(heuristic_applied=heuristic, created_at__gte=at)
    slots.filter(audit_id__in=list(younger.values_list("pk", flat=True))).delete()
    there = list(slots.order_by("position").values_list("position", flat=True).distinct())
    slots.filter(position__gt=there[:size][-1]).delete()
    for position, drawn_as in enumerate(there[:size], start=1):
        slots.filter(position=drawn_as).update(position=position)
    ReviewSample.objects.filter(pk=number).update(drawn_at=at, population=len(there), size=min(size, len(there)))
    return ReviewSample.objects.get(pk=number)


def _review(sample: ReviewSample, most: int, truth: dict[int, bool], start: datetime) -> list[ReviewSlot]:
    """Let rita say something of the first places, and rose of those with a second opinion."""
    chance = Random(SEED)  # noqa: S311 (it is to be the same each time, and no secret hangs on it)
    slots = list(sample.slots.filter(position__lte=most).order_by("position", "opinion"))
    for at, slot in zip(_times(start, chance), slots, strict=False):
        word = "right" if truth[slot.audit_id] else "wrong"
        reviewer = "rita" if slot.opinion == 1 else "rose"
        note = WHY_WRONG if word == "wrong" else WHY_RIGHT if slot.position % 11 == 0 else None
        _say(slot, word, reviewer, at, note, chance.uniform(6, 70))
    return slots


def _times(start: datetime, chance: Random) -> Iterator[datetime]:
    """Moments in the hours of work, some minutes apart."""
    at = start
    while True:
        at += timedelta(seconds=chance.randint(120, 420))
        if at.hour >= 17:
            at = at.replace(hour=8, minute=4) + timedelta(days=1)
        yield at


def _say(slot: ReviewSlot, decision: str, reviewer: str, at: datetime, note: str | None, seconds: float) -> None:
    review = LinkReview.objects.create(
        audit_id=slot.audit_id,
        doc_id=0,  # the database writes what it is about
        asset_id=0,
        decision=decision,
        label_source=None if decision == "unsure" else "human_review",
        reviewer=reviewer,
        reviewed_at=at,
        recorded_at=at,
        mode="queue",
        sample_id=slot.sample_id,
        seconds=round(seconds, 1),
        note=note,
    )
    ReviewSlot.objects.filter(pk=slot.pk).update(
        state="done",
        review_id=review.pk,
        reviewer=reviewer,
        done_at=at,
        leased_by=reviewer,
        lease_token=uuid.uuid5(uuid.NAMESPACE_OID, f"place {slot.pk}"),
        leased_at=at - timedelta(seconds=seconds),
    )
    if decision == "wrong":
        LinkAudit.objects.filter(pk=slot.audit_id).update(promotion_status="rejected")


def _differ(sample: ReviewSample, said: Sequence[ReviewSlot], calendar: Calendar) -> None:
    """Let rose differ on two links, of which adam resolves one, and be unsure of a third."""
    places = sample.slots.filter(position__gt=said[-1].position, opinion=2).order_by("position")[:3]
    decisions = [("wrong", WHY_WRONG), ("wrong", None), ("unsure", WHY_UNSURE)]
    for number, (second, (decision, note)) in enumerate(zip(places, decisions, strict=True)):
        at = calendar.at(-2, 13 + number, 20)
        first = sample.slots.get(position=second.position, opinion=1)
        _say(first, "right", "rita", at - timedelta(hours=2), WHY_RIGHT if number == 1 else None, 31 + number)
        _say(second, decision, "rose", at, note, 48 + number)
        LinkAudit.objects.filter(pk=second.audit_id).update(promotion_status="review")
    LinkReview.objects.create(
        audit_id=places[0].audit_id,
        doc_id=0,
        asset_id=0,
        decision="right",
        label_source="human_review",
        reviewer="adam",
        reviewed_at=calendar.at(-1, 10, 5),
        recorded_at=calendar.at(-1, 10, 5),
        mode="adjudication",
        note=WHY_RESOLVED,
    )


def _skip(sample: ReviewSample, calendar: Calendar) -> None:
    slots = sample.slots.filter(state="open", opinion=1).order_by("position")
    ReviewSkip.objects.bulk_create(
        ReviewSkip(
            slot=slot, audit_id=slot.audit_id, reviewer="rita", reason=reason, skipped_at=calendar.at(-1, 9, 10 + place)
        )
        for place, (slot, reason) in enumerate(zip(slots, SKIPPED, strict=False))
    )
