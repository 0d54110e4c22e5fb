"""Promotions by a person: one of HP-1's links that was taken back, and a second one that stands."""

from datetime import datetime

from django.db.models import QuerySet

from linkaudit.models import LinkAudit, LinkPromotion, LinkPromotionItem, StudyAssetLink, TrialAssetLink
from ncfd_site.core import sql
from ncfd_site.demonstration.plan.calendar import Calendar

OLGA, ADAM = "olga", "adam"
HEURISTIC = "HP-1"
# The first was stopped early; of what is pending the second leaves some, too.
FIRST, SECOND = 12, 30
CALLED_WRONG = """
INSERT INTO link_reviews
    (audit_id, doc_id, asset_id, decision, label_source, reviewer, reviewed_at, recorded_at, mode, note)
VALUES (%s, 0, 0, 'wrong', 'human_review', %s, %s, %s, 'page', %s)
"""


def add_promotions(calendar: Calendar) -> None:
    """Promote links of HP-1 twice, take the first promotion back, and call one link of the second wrong."""
    begun, back = calendar.at(-3, 10, 20), calendar.at(-3, 14, 5)
    first = _promote(FIRST, "More than fifty links are reviewed, and the gate is open.", begun)
    reason = "Begun before the second opinions of that week were in."
    sql.scalar("revert_link_promotion", first, OLGA, reason)
    LinkPromotion.objects.filter(pk=first).update(reverted_at=back)
    _links(first).update(updated_at=back)
    second = _promote(SECOND, "The second opinions are in, and agree.", calendar.at(-2, 9, 40))
    _call_one_wrong(second, calendar.at(-1, 11, 30))


def _promote(most: int, reason: str, at: datetime) -> int:
    promotion_id: int = sql.scalar("start_link_promotion", HEURISTIC, OLGA, reason)
    sql.value("SELECT promoted FROM promote_links(%s, 0, %s)", [promotion_id, most])
    # It happened earlier than the database has written down.
    LinkPromotion.objects.filter(pk=promotion_id).update(promoted_at=at)
    _links(promotion_id).update(updated_at=at)
    rows = list(LinkPromotionItem.objects.filter(promotion_id=promotion_id))
    written = {"promoted_at": at, "created_at": at, "updated_at": at}
    TrialAssetLink.objects.filter(pk__in=[row.trial_xref_id for row in rows if row.trial_xref_id]).update(**written)
    StudyAssetLink.objects.filter(pk__in=[key for row in rows for key in row.study_xref_ids]).update(**written)
    return promotion_id


def _call_one_wrong(promotion_id: int, at: datetime) -> None:
    audit = _links(promotion_id).filter(label=None).order_by("pk").first()
    if audit is None:
        return
    note = "The number stands in the text, but the trial is of another company's drug."
    sql.execute(CALLED_WRONG, [audit.pk, ADAM, at, at, note])
    LinkAudit.objects.filter(pk=audit.pk).update(updated_at=at)


def _links(promotion_id: int) -> QuerySet[LinkAudit]:
    promoted = LinkPromotionItem.objects.filter(promotion_id=promotion_id)
    return LinkAudit.objects.filter(pk__in=promoted.values("audit_id"))
