"""Writes of link audits: what a person says of a heuristic's claim.

A decision is recorded with `record_link_review`, and the database lets the label follow from the record. A label never
touches `promotion_status`.
"""

from datetime import datetime

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction

from linkaudit.models import LinkAudit, LinkDisagreement, LinkReview
from linkaudit.queries import said_by
from ncfd_site.core import sql

LABEL = "linkaudit.label_linkaudit"
ADJUDICATE = "linkaudit.adjudicate_linkaudit"
HUMAN_REVIEW = "human_review"

DECISIONS = {True: LinkReview.Decision.RIGHT, False: LinkReview.Decision.WRONG, None: LinkReview.Decision.CLEARED}
# What the database changes with a decision.
WRITTEN = ("label", "label_source", "reviewed_by", "reviewed_at", "review_notes", "updated_at")


class StaleLabel(Exception):
    """Somebody else changed the link after the person had seen it; `audit` is the link as it is now."""

    def __init__(self, audit: LinkAudit) -> None:
        self.audit = audit
        super().__init__(f"Link {audit.pk} was changed while you were looking at it. Nothing was overwritten.")


def label_obstacle(audit: LinkAudit, actor: User) -> str | None:
    """Return the sentence that says why `actor` may not label `audit`, or None where nothing stands in the way."""
    # Only a link without a label can wait for an adjudicator.
    return _obstacle(audit, actor, audit.label is None and LinkDisagreement.objects.filter(pk=audit.pk).exists())


@transaction.atomic
def label_link(
    audit_id: int,
    decision: bool | None,
    *,
    actor: User,
    note: str | None = None,
    seen_at: datetime | None = None,
) -> LinkAudit:
    """Label one link right (True), wrong (False) or back to open (None), and return it.

    `note` replaces the note ("" takes it away); None leaves it as it is. `seen_at` is the `updated_at` that the
    person saw. Saying again what a person has said already changes nothing: the first reviewer stays, and a form
    that is sent twice is no conflict with itself.

    Raises PermissionDenied where the actor may not, LinkAudit.DoesNotExist, and StaleLabel where the link has
    changed since `seen_at`.
    """
    require_labelling(actor)
    audit = LinkAudit.objects.select_for_update().get(pk=audit_id)
    if _says_already(audit, decision, note) and not _belongs_to_another(audit, actor):
        return audit
    if seen_at is not None and audit.updated_at != seen_at:
        raise StaleLabel(audit)
    obstacle = label_obstacle(audit, actor)
    if obstacle:
        raise PermissionDenied(obstacle)
    if _says_already(audit, decision, note):
        return audit
    _record(audit, decision, actor, LinkReview.Mode.PAGE, note)
    audit.refresh_from_db(fields=WRITTEN)
    return audit


@transaction.atomic
def restore_label(audit_id: int, note_before: str | None, *, actor: User, seen_at: datetime) -> LinkAudit:
    """Take back the actor's last decision on the link's page, and return the link: what counted before counts again.

    `note_before` is the note that the link had then. Raises PermissionDenied, LinkAudit.DoesNotExist, and StaleLabel
    where the link has changed since `seen_at`, the `updated_at` that the decision to take back has written.
    """
    require_labelling(actor)
    audit = LinkAudit.objects.select_for_update().get(pk=audit_id)
    last = said_by(actor.get_username(), audit_id).exclude(mode=LinkReview.Mode.QUEUE).first()
    if audit.updated_at != seen_at or last is None:
        raise StaleLabel(audit)
    retracted, mode = LinkReview.Decision.UNDONE, LinkReview.Mode.PAGE
    sql.scalar("record_link_review", audit_id, retracted, actor.get_username(), mode, None, None, None, last.pk)
    LinkAudit.objects.filter(pk=audit_id).update(review_notes=note_before)
    audit.refresh_from_db(fields=WRITTEN)
    return audit


def require_labelling(actor: User) -> None:
    """Raise PermissionDenied with a sentence where the actor may not label."""
    if not actor.has_perm(LABEL):
        raise PermissionDenied(_may_not_label(actor))


def _may_not_label(actor: User) -> str:
    return f"Labelling a link needs the permission {LABEL}, which {actor.get_username()} does not have."


def _obstacle(audit: LinkAudit, actor: User, is_disputed: bool) -> str | None:
    if not actor.has_perm(LABEL):
        return _may_not_label(actor)
    if is_disputed:
        return f"Link {audit.pk} waits for an adjudicator, since people differ on it or somebody is unsure."
    if _belongs_to_another(audit, actor) and not actor.has_perm(ADJUDICATE):
        return (
            f"Link {audit.pk} was labelled by {_labeller(audit)}. Changing somebody else's label needs the "
            f"permission {ADJUDICATE}, which {actor.get_username()} does not have."
        )
    return None


def _belongs_to_another(audit: LinkAudit, actor: User) -> bool:
    return audit.label is not None and audit.reviewed_by != actor.get_username()


def _labeller(audit: LinkAudit) -> str:
    return audit.reviewed_by or (audit.label_source or "another source").replace("_", " ")


def _says_already(audit: LinkAudit, decision: bool | None, note: str | None) -> bool:
    same_note = note is None or (audit.review_notes or "") == note.strip()
    by_a_person = audit.label is None or audit.label_source == HUMAN_REVIEW
    return audit.label is decision and by_a_person and same_note


def _record(audit: LinkAudit, decision: bool | None, actor: User, mode: LinkReview.Mode, note: str | None) -> None:
    sql.scalar("record_link_review", audit.pk, DECISIONS[decision], actor.get_username(), mode, note)
    if note is not None and not note.strip():
        # The record has no word for a note that is taken away: without one, the link keeps the note that it has.
        LinkAudit.objects.filter(pk=audit.pk).update(review_notes=None)
