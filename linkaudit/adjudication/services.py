"""What an adjudicator does: resolve a link on which people differ, or of which somebody is unsure."""

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction

from linkaudit.db_errors import refused_as
from linkaudit.interim_analysis import look_at
from linkaudit.models import LinkAudit, LinkDisagreement, LinkReview, ReviewSlot
from linkaudit.services import ADJUDICATE
from ncfd_site.config.errors import UserError
from ncfd_site.core import sql


class Resolved(Exception):
    """The link does not wait for an adjudicator: it was resolved meanwhile, or never did."""


class AdjudicationRefused(UserError):
    """The database does not take this adjudication: one of the decisions is the adjudicator's own."""


def adjudicate(audit_id: int, decision: str, reason: str, *, actor: User) -> None:
    """Say "right" or "wrong" of a link that waits for it, with a reason; the label follows.

    Where it completes what a look at the evidence waits for, the look is taken. Raises PermissionDenied where the actor
    may not, AdjudicationRefused where one of the decisions is the actor's own, and Resolved.
    """
    if not actor.has_perm(ADJUDICATE):
        raise PermissionDenied(
            f"Adjudicating needs the permission {ADJUDICATE}, which {actor.get_username()} does not have."
        )
    with refused_as(AdjudicationRefused), transaction.atomic():
        # Two adjudicators wait for each other here, and the second one finds it resolved.
        is_there = LinkAudit.objects.select_for_update(no_key=True).filter(pk=audit_id).values("pk").first()
        if not is_there or not LinkDisagreement.objects.filter(pk=audit_id).exists():
            raise Resolved
        mode = LinkReview.Mode.ADJUDICATION
        sql.scalar("record_link_review", audit_id, decision, actor.get_username(), mode, reason)
    for sample_id in ReviewSlot.objects.filter(audit_id=audit_id).values_list("sample_id", flat=True).distinct():
        look_at(sample_id)
