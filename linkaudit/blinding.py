"""The blinding rule: a link that the review desk can still serve to a user is hidden from that user.

Its label, reviewer, heuristic, confidence, evidence and decisions would bias the answer, and so would a list that is
filtered or sorted by them. So lists, exports, jobs, the API and the admin omit the link; only its claim and document
are shown. Every read of links, or of rows about links, for a user applies `exclude_blind`.
"""

from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from linkaudit.models import LinkAudit, LinkReview, ReviewSkip, ReviewSlot
from linkaudit.queries import UNDO_PERIOD
from ncfd_site.core.roles import LABEL_LINKS

BLIND = "Link {} is in an open sample that can ask you. Decide at the review desk; until then, its label is hidden."
# The link of a promoted link of a trial, for `exclude_blind`.
TRIAL_LINK = {"asset_id": "asset_id", "nct_id": "trial__nct_id"}

Row = TypeVar("Row", bound=Model)


def exclude_blind(rows: QuerySet[Row], user: User, **link: str) -> QuerySet[Row]:
    """Return the rows that are not about a link hidden from the user. Users who may not label see all.

    `link` maps fields of `LinkAudit` to fields of the rows; by default, the rows have the link's `audit_id`.
    """
    if not user.has_perm(LABEL_LINKS):
        return rows
    served: QuerySet[Any] = _list_served_slots(user).filter(audit_id=OuterRef("audit_id"))
    if link:
        served = LinkAudit.objects.filter(Exists(served), **{name: OuterRef(path) for name, path in link.items()})
    return rows.filter(~Exists(served))


def list_blind(user: User, **link: Any) -> list[int]:
    """Return the IDs of the links with these values of fields that are hidden from the user."""
    if not user.has_perm(LABEL_LINKS):
        return []
    served = _list_served_slots(user).filter(audit_id=OuterRef("audit_id"))
    return list(LinkAudit.objects.filter(Exists(served), **link).values_list("pk", flat=True))


def is_blind(audit_id: int, user: User) -> bool:
    """Return whether a link is hidden from the user."""
    return user.has_perm(LABEL_LINKS) and _list_served_slots(user).filter(audit_id=audit_id).exists()


def _list_served_slots(user: User) -> QuerySet[ReviewSlot]:
    """Return the open slots that `claim_review_slot` can serve to the user, and those leased to the user.

    A skip counts once it can no longer be undone.
    """
    username = user.get_username()
    reviewed = LinkReview.objects.filter(audit_id=OuterRef("audit_id"), reviewer=username)
    skipped = ReviewSkip.objects.filter(slot_id=OuterRef("pk"), reviewer=username, undone_at=None)
    skipped = skipped.filter(skipped_at__lte=Now() - UNDO_PERIOD)
    is_leased = Q(leased_by=username, lease_until__gt=Now())
    can_be_claimed = Q(~Exists(reviewed), ~Exists(skipped), sample__closed_at=None)
    return ReviewSlot.objects.filter(is_leased | can_be_claimed, state=ReviewSlot.State.OPEN)
