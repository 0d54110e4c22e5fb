"""Samples and decisions on their slots, as the review queue and adjudicators record them."""

from collections.abc import Mapping
from decimal import Decimal

from django.utils import timezone

from linkaudit.models import LinkAudit, ReviewSample, ReviewSlot
from linkaudit.sampling.services import Purpose, SampleOptions, draw_sample
from ncfd_site.core import sql
from tests.factories import make_asset, make_document


def make_open_links(heuristic: str, count: int, **fields: object) -> list[int]:
    """Create links without a decision; return their ids."""
    document, asset = make_document(), make_asset()
    values = {"link_type": "x", "confidence": "0.90", "heuristic_applied": heuristic, "doc": document, "asset": asset}
    created = LinkAudit.objects.bulk_create(LinkAudit(**{**values, **fields}) for _ in range(count))
    return [audit.pk for audit in created]


def make_sample(
    heuristic: str = "HP-1", size: int = 100, *, second: str = "0", purpose: str = Purpose.PRECISION, seed: int = 1
) -> ReviewSample:
    """Draw a sample from existing links."""
    options = SampleOptions(heuristic=heuristic, size=size, second_share=Decimal(second), purpose=purpose, seed=seed)
    return draw_sample(options, drawn_by="olga")


def decide(slot: ReviewSlot, decision: str, reviewer: str = "rita") -> int:
    """Record a decision on a slot, as `submit_review` does; return its id."""
    review_id = int(
        sql.scalar("record_link_review", slot.audit_id, decision, reviewer, "queue", None, None, slot.sample_id)
    )
    ReviewSlot.objects.filter(pk=slot.pk).update(
        state="done", review_id=review_id, reviewer=reviewer, done_at=timezone.now()
    )
    return review_id


def decide_first(sample: ReviewSample, count: int, decisions: Mapping[int, str] | None = None) -> None:
    """Record the first opinion on the first `count` slots: right, or as in `decisions` by position."""
    slots = ReviewSlot.objects.filter(sample=sample, opinion=1, state="open", position__lte=count)
    for slot in slots.order_by("position"):
        decide(slot, (decisions or {}).get(slot.position, "right"))


def adjudicate(audit_id: int, decision: str, adjudicator: str = "adam") -> None:
    """Record an adjudication of a link."""
    sql.scalar("record_link_review", audit_id, decision, adjudicator, "adjudication", "because of the text")


def find_slot(sample: ReviewSample, position: int, opinion: int = 1) -> ReviewSlot:
    """Return a slot of a sample."""
    return ReviewSlot.objects.get(sample=sample, position=position, opinion=opinion)
