"""What people do about promotion: begin one, and take one back. A job does the long part of either."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction

from linkaudit.db_errors import refused_as
from linkaudit.models import LinkPromotion
from ncfd_site.config.errors import UserError
from ncfd_site.core import sql
from ncfd_site.core.progress import ProgressReporter
from ncfd_site.jobs import queue
from ncfd_site.jobs.models import Job

PROMOTE = "linkaudit.promote_linkpromotion"
PROMOTE_JOB = "linkaudit_promote"
TAKE_BACK_JOB = "linkaudit_take_back"
# Links that one transaction promotes; decisions on the heuristic's links wait for it.
BATCH = 5_000


class PromotionRefused(UserError):
    """The database does not let it happen as things stand; the text says why."""


@dataclass(frozen=True, slots=True)
class _Batch:
    promoted: int
    last_audit_id: int | None


@transaction.atomic
def begin(heuristic: str, reason: str, *, actor: User) -> tuple[int, Job]:
    """Begin a promotion of a heuristic's links; returns its number, and the job that promotes them.

    Raises PermissionDenied without `linkaudit.promote_linkpromotion`, `PromotionRefused` where the gate is closed or
    the actor alone has supplied the labels, and `JobRefused` where another promotion is going on. Then nothing is kept.
    """
    _require(actor)
    with refused_as(PromotionRefused):
        promotion_id = sql.scalar("start_link_promotion", heuristic, actor.get_username(), reason)
    arguments = {"promotion_id": promotion_id, "heuristic": heuristic}
    return promotion_id, queue.start(PROMOTE_JOB, arguments, actor=actor)


def promote(promotion_id: int, control: ProgressReporter) -> int:
    """Promote the links of a promotion, in batches of a transaction each; returns how many it has promoted in all.

    The gate is computed again in every batch. Raises `PromotionRefused` where it has closed, or the promotion was taken
    back; what was promoted until then stays part of the promotion.
    """
    after = int(control.checkpoint.get("last_audit_id", 0))
    control.begin("Promoting links", None, "links")
    while True:
        with refused_as(PromotionRefused), transaction.atomic():
            batch = sql.call("promote_links", promotion_id, after, BATCH, of=_Batch)[0]
        if batch.last_audit_id is None:
            return LinkPromotion.objects.values_list("link_count", flat=True).get(pk=promotion_id)
        after = batch.last_audit_id
        control.advance(batch.promoted, checkpoint={"last_audit_id": after})


def ask_to_take_back(promotion_id: int, reason: str, *, actor: User) -> Job:
    """Start the job that takes a promotion back.

    Raises PermissionDenied, LinkPromotion.DoesNotExist, `PromotionRefused` where it was taken back already or no reason
    is given, and `JobRefused` where another one is being taken back.
    """
    _require(actor)
    promotion = LinkPromotion.objects.get(pk=promotion_id)
    if promotion.reverted_at is not None:
        raise PromotionRefused(
            f"Promotion {promotion_id} was taken back already, by {promotion.reverted_by}. Nothing was changed."
        )
    if not reason.strip():
        raise PromotionRefused("To take a promotion back needs a reason. Nothing was changed.")
    return queue.start(TAKE_BACK_JOB, {"promotion_id": promotion_id, "reason": reason.strip()}, actor=actor)


def take_back(promotion_id: int, reason: str, *, by: str) -> int:
    """Take a promotion back whole, in one transaction; returns how many links are what they were before.

    Raises `PromotionRefused` where it was taken back already.
    """
    with refused_as(PromotionRefused), transaction.atomic():
        return int(sql.scalar("revert_link_promotion", promotion_id, by, reason))


def _require(actor: User) -> None:
    if not actor.has_perm(PROMOTE):
        raise PermissionDenied(
            f"Promoting links and taking that back needs the permission {PROMOTE}, "
            f"which {actor.get_username()} does not have."
        )
