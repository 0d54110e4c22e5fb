"""Samples and what people say of their places, as the queue and adjudicators do it."""

from collections.abc import Mapping
from decimal import Decimal

from django.utils import timezone

from linkaudit.models import LinkAudit, ReviewSample, ReviewSlot
from linkaudit.sampling.options import Purpose, SampleOptions
from linkaudit.sampling.services import draw
from ncfd_site.core import sql
from tests.factories import make_asset, make_document


def make_open_links(heuristic: str, count: int, **fields: object) -> list[int]:
    """Make links that nobody has said anything of; returns their numbers."""
    document, asset = make_document(), make_asset()
    given = {"link_type": "x", "confidence": "0.90", "heuristic_applied": heuristic, "doc": document, "asset": asset}
    made = LinkAudit.objects.bulk_create(LinkAudit(**{**given, **fields}) for _ in range(count))
    return [audit.pk for audit in made]


def make_sample(
    heuristic: str = "HP-1", size: int = 100, *, second: str = "0", purpose: str = Purpose.PRECISION, seed: int = 1
) -> ReviewSample:
    """Draw a sample from links that are there."""
    options = SampleOptions(heuristic=heuristic, size=size, second_share=Decimal(second), purpose=purpose, seed=seed)
    return draw(options, drawn_by="olga")


def say(slot: ReviewSlot, decision: str, reviewer: str = "rita") -> int:
    """Give a decision on a place, as `submit_review` does; returns its number."""
    review_id = int(
        sql.scalar("record_link_review", slot.audit_id, decision, reviewer, "queue", None, None, slot.sample_id)
    )
    ReviewSlot.objects.filter(pk=slot.pk).update(
        state="done", review_id=review_id, reviewer=reviewer, done_at=timezone.now()
    )
    return review_id


def answer(sample: ReviewSample, count: int, said: Mapping[int, str] | None = None) -> None:
    """Give a decision on the first opinion of the first `count` places: right, unless `said` of the position."""
    slots = ReviewSlot.objects.filter(sample=sample, opinion=1, state="open", position__lte=count)
    for slot in slots.order_by("position"):
        say(slot, (said or {}).get(slot.position, "right"))


def adjudicate(audit_id: int, decision: str, adjudicator: str = "adam") -> None:
    """Resolve what people say of a link."""
    sql.scalar("record_link_review", audit_id, decision, adjudicator, "adjudication", "because of the text")


def place(sample: ReviewSample, position: int, opinion: int = 1) -> ReviewSlot:
    """A place of a sample."""
    return ReviewSlot.objects.get(sample=sample, position=position, opinion=opinion)
