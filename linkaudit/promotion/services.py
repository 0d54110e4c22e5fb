"""Writes of promotions: start and revert. A background job does the long part of each."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction

from linkaudit.models import LinkPromotion
from linkaudit.services import translate_errors
from ncfd_site.config.errors import UserError
from ncfd_site.core import sql
from ncfd_site.core.permissions import check_permission
from ncfd_site.core.progress import ProgressReporter
from ncfd_site.jobs import queue
from ncfd_site.jobs.models import Job

PROMOTE = "linkaudit.promote_linkpromotion"
OVERRIDE = "linkaudit.override_linkpromotion"
PROMOTE_JOB = "linkaudit_promote"
REVERT_JOB = "linkaudit_revert_promotion"
# Links per transaction. Decisions on the heuristic's links wait for it.
BATCH = 5_000


class PromotionError(UserError):
    """The promotion cannot be started, continued or reverted."""


@dataclass(frozen=True, slots=True)
class _Batch:
    promoted: int
    last_audit_id: int | None


@transaction.atomic
def start_promotion(heuristic: str, reason: str, override_reason: str = "", *, actor: User) -> tuple[int, Job]:
    """Start a promotion of a heuristic's links; return its id and the job that promotes them.

    Without sample evidence, `override_reason` is required, and the permission for it; it is recorded.

    Raises PermissionDenied; PromotionError if the promotion rule is not met, the actor supplied all the labels, or
    evidence and override are missing; and JobError if another promotion is running. Then nothing is stored.
    """
    check_permission(actor, PROMOTE, "Promoting links and reverting promotions")
    if override_reason:
        check_permission(actor, OVERRIDE, "Promoting without sample evidence")
    with translate_errors(PromotionError):
        promotion_id = sql.scalar("start_link_promotion", heuristic, actor.get_username(), reason, override_reason)
    arguments = {"promotion_id": promotion_id, "heuristic": heuristic}
    return promotion_id, queue.start(PROMOTE_JOB, arguments, actor=actor)


def promote_links(promotion_id: int, reporter: ProgressReporter) -> int:
    """Promote the links of a promotion in batches of one transaction each; return how many it has promoted in total.

    Every batch checks the promotion rule. Raises PromotionError if it is no longer met, or the promotion was reverted;
    links promoted until then stay promoted.
    """
    after = int(reporter.checkpoint.get("last_audit_id", 0))
    reporter.begin("Promoting links", None, "links")
    while True:
        with translate_errors(PromotionError), transaction.atomic():
            batch = sql.call("promote_links", promotion_id, after, BATCH, of=_Batch)[0]
        if batch.last_audit_id is None:
            return LinkPromotion.objects.values_list("link_count", flat=True).get(pk=promotion_id)
        after = batch.last_audit_id
        reporter.advance(batch.promoted, checkpoint={"last_audit_id": after})


def start_revert_job(promotion_id: int, reason: str, *, actor: User) -> Job:
    """Start the job that reverts a promotion.

    Raises PermissionDenied; LinkPromotion.DoesNotExist; PromotionError if it was reverted before or `reason` is blank;
    and JobError if another revert is running.
    """
    check_permission(actor, PROMOTE, "Promoting links and reverting promotions")
    promotion = LinkPromotion.objects.get(pk=promotion_id)
    if promotion.reverted_at is not None:
        raise PromotionError(
            f"Promotion {promotion_id} was already reverted by {promotion.reverted_by}. Nothing was changed."
        )
    if not reason.strip():
        raise PromotionError("A revert requires a reason. Nothing was changed.")
    return queue.start(REVERT_JOB, {"promotion_id": promotion_id, "reason": reason.strip()}, actor=actor)


def revert_promotion(promotion_id: int, reason: str, *, reverted_by: str) -> int:
    """Revert a promotion in one transaction; return how many links have their previous status again.

    Raises PromotionError if it was reverted before.
    """
    with translate_errors(PromotionError), transaction.atomic():
        return int(sql.scalar("revert_link_promotion", promotion_id, reverted_by, reason))
