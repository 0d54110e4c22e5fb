"""Writes of labels: a decision on one link, its undo, and an adjudication.

`record_link_review` records the decision, and the database derives the label from the record. A label never changes
`promotion_status`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import psycopg
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction

from linkaudit.blinding import BLIND, is_blind
from linkaudit.models import LinkAudit, LinkDisagreement, LinkReview, ReviewSlot
from linkaudit.queries import list_active_decisions
from linkaudit.sampling.interim_analysis import run_due_analyses
from ncfd_site.config.errors import UserError
from ncfd_site.core import sql
from ncfd_site.core.permissions import check_permission, describe_missing_permission

LABEL = "linkaudit.label_linkaudit"
ADJUDICATE = "linkaudit.adjudicate_linkaudit"

DECISIONS = {True: LinkReview.Decision.RIGHT, False: LinkReview.Decision.WRONG, None: LinkReview.Decision.CLEARED}
# Columns of `link_audit` that the database changes with a decision.
LABEL_COLUMNS = ("label", "label_source", "reviewed_by", "reviewed_at", "review_notes", "updated_at")
# SQLSTATEs that the project's SQL functions raise with a message for the user.
USER_ERROR_STATES = ("22023", "42501", "55000")


class AdjudicationError(UserError):
    """The database refused the adjudication: the adjudicator reviewed the link."""


class AlreadyResolvedError(Exception):
    """The link is not awaiting adjudication."""


class StaleLinkError(Exception):
    """The link has changed since the reviewer loaded it; `audit` is the current row."""

    def __init__(self, audit: LinkAudit) -> None:
        self.audit = audit
        super().__init__(f"Link {audit.pk} was changed while you had it open. Nothing was overwritten.")


def find_label_block(audit: LinkAudit, actor: User) -> str | None:
    """Return the reason why `actor` may not label `audit`, as a sentence, or None."""
    if not actor.has_perm(LABEL):
        return describe_missing_permission(actor, LABEL, "Labeling links")
    # Only a link without a label can await adjudication.
    if audit.label is None and LinkDisagreement.objects.filter(pk=audit.pk).exists():
        return f"Link {audit.pk} is awaiting adjudication."
    if _has_label_of_another(audit, actor) and not actor.has_perm(ADJUDICATE):
        labeled_by = audit.reviewed_by or (audit.label_source or "another source").replace("_", " ")
        missing = describe_missing_permission(actor, ADJUDICATE, "Changing another reviewer's label")
        return f"Link {audit.pk} was labeled by {labeled_by}. {missing}"
    return None


@transaction.atomic
def label_link(
    audit_id: int, label: bool | None, *, actor: User, note: str | None = None, seen_at: datetime | None = None
) -> LinkAudit:
    """Label one link right (True) or wrong (False), or clear its label (None), and return the link.

    `note` replaces the note ("" removes it); None keeps it. `seen_at` is the `updated_at` that the actor saw. Repeating
    a decision changes nothing: the first reviewer stays, and a form sent twice does not conflict with itself.

    Raises PermissionDenied, also for a link hidden from the actor; LinkAudit.DoesNotExist; and StaleLinkError if the
    link has changed since `seen_at`.
    """
    check_permission(actor, LABEL, "Labeling links")
    audit = LinkAudit.objects.select_for_update().get(pk=audit_id)
    _check_not_blind(audit_id, actor)
    is_repeated = _is_repeated_decision(audit, label, note)
    if is_repeated and not _has_label_of_another(audit, actor):
        return audit
    if seen_at is not None and audit.updated_at != seen_at:
        raise StaleLinkError(audit)
    block = find_label_block(audit, actor)
    if block:
        raise PermissionDenied(block)
    if is_repeated:
        return audit
    sql.scalar("record_link_review", audit_id, DECISIONS[label], actor.get_username(), LinkReview.Mode.PAGE, note)
    if note is not None and not note.strip():
        # A decision without a note keeps the note of the link, so it is removed separately.
        LinkAudit.objects.filter(pk=audit_id).update(review_notes=None)
    audit.refresh_from_db(fields=LABEL_COLUMNS)
    return audit


@transaction.atomic
def undo_label(audit_id: int, previous_note: str | None, *, actor: User, seen_at: datetime) -> LinkAudit:
    """Undo the actor's last decision on the link's page, and return the link with its previous label.

    `seen_at` is the `updated_at` that this decision wrote; `previous_note` is the note before it. Raises
    PermissionDenied, LinkAudit.DoesNotExist, and StaleLinkError if the link has changed since `seen_at`.
    """
    check_permission(actor, LABEL, "Labeling links")
    audit = LinkAudit.objects.select_for_update().get(pk=audit_id)
    decisions = list_active_decisions(actor).filter(audit_id=audit_id)
    last = decisions.exclude(mode=LinkReview.Mode.QUEUE).first()
    if audit.updated_at != seen_at or last is None:
        raise StaleLinkError(audit)
    undone, mode = LinkReview.Decision.UNDONE, LinkReview.Mode.PAGE
    sql.scalar("record_link_review", audit_id, undone, actor.get_username(), mode, None, None, None, last.pk)
    LinkAudit.objects.filter(pk=audit_id).update(review_notes=previous_note)
    audit.refresh_from_db(fields=LABEL_COLUMNS)
    return audit


def adjudicate(audit_id: int, decision: str, reason: str, *, actor: User) -> None:
    """Decide "right" or "wrong" on a link that awaits adjudication, and run the analyses that this completes.

    Raises PermissionDenied, AdjudicationError if the actor reviewed the link, and AlreadyResolvedError.
    """
    check_permission(actor, ADJUDICATE, "Adjudicating")
    _check_not_blind(audit_id, actor)
    with translate_errors(AdjudicationError), transaction.atomic():
        # Concurrent adjudicators wait for each other here; the second one finds the link resolved.
        is_there = LinkAudit.objects.select_for_update(no_key=True).filter(pk=audit_id).values("pk").first()
        if not is_there or not LinkDisagreement.objects.filter(pk=audit_id).exists():
            raise AlreadyResolvedError
        mode = LinkReview.Mode.ADJUDICATION
        sql.scalar("record_link_review", audit_id, decision, actor.get_username(), mode, reason)
    for sample_id in ReviewSlot.objects.filter(audit_id=audit_id).values_list("sample_id", flat=True).distinct():
        run_due_analyses(sample_id)


@contextmanager
def translate_errors(error_class: type[UserError]) -> Iterator[None]:
    """Raise `error_class` with the database's message if one of the project's SQL functions raises an error.

    Other database errors pass unchanged.
    """
    try:
        yield
    except DatabaseError as error:
        cause = error.__cause__
        # The server raises the same codes itself; only a RAISE of a function has a message for the user.
        if (
            isinstance(cause, psycopg.Error)
            and cause.sqlstate in USER_ERROR_STATES
            and cause.diag.source_function == "exec_stmt_raise"
        ):
            raise error_class(f"The database refused this: {cause.diag.message_primary}.") from error
        raise


def _check_not_blind(audit_id: int, actor: User) -> None:
    if is_blind(audit_id, actor):
        raise PermissionDenied(BLIND.format(audit_id))


def _has_label_of_another(audit: LinkAudit, actor: User) -> bool:
    return audit.label is not None and audit.reviewed_by != actor.get_username()


def _is_repeated_decision(audit: LinkAudit, label: bool | None, note: str | None) -> bool:
    is_same_note = note is None or (audit.review_notes or "") == note.strip()
    is_by_reviewer = audit.label is None or audit.label_source == LinkAudit.LabelSource.HUMAN_REVIEW
    return audit.label is label and is_by_reviewer and is_same_note
