"""The write of an adjudicator: resolve a link on which reviewers disagree or are unsure."""

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction

from linkaudit.models import LinkAudit, LinkDisagreement, LinkReview, ReviewSlot
from linkaudit.sampling.interim_analysis import run_due_analyses
from linkaudit.services import ADJUDICATE, translate_errors
from ncfd_site.config.errors import UserError
from ncfd_site.core import sql


class AlreadyResolvedError(Exception):
    """The link is not awaiting adjudication."""


class AdjudicationError(UserError):
    """The database refused the adjudication: the adjudicator reviewed the link."""


def adjudicate(audit_id: int, decision: str, reason: str, *, actor: User) -> None:
    """Decide "right" or "wrong" on a link that awaits adjudication, and run the analyses that this completes.

    Raises PermissionDenied, AdjudicationError if the actor reviewed the link, and AlreadyResolvedError.
    """
    if not actor.has_perm(ADJUDICATE):
        raise PermissionDenied(
            f"Adjudicating requires the permission {ADJUDICATE}, which {actor.get_username()} does not have."
        )
    with translate_errors(AdjudicationError), transaction.atomic():
        # Concurrent adjudicators wait for each other here; the second one finds the link resolved.
        is_there = LinkAudit.objects.select_for_update(no_key=True).filter(pk=audit_id).values("pk").first()
        if not is_there or not LinkDisagreement.objects.filter(pk=audit_id).exists():
            raise AlreadyResolvedError
        mode = LinkReview.Mode.ADJUDICATION
        sql.scalar("record_link_review", audit_id, decision, actor.get_username(), mode, reason)
    for sample_id in ReviewSlot.objects.filter(audit_id=audit_id).values_list("sample_id", flat=True).distinct():
        run_due_analyses(sample_id)
