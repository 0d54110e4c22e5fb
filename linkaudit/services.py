"""Writes of labels: a reviewer's decision on one link, and its undo.

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

from linkaudit.models import LinkAudit, LinkDisagreement, LinkReview
from linkaudit.queries import list_decisions_by
from ncfd_site.config.errors import UserError
from ncfd_site.core import sql

LABEL = "linkaudit.label_linkaudit"
ADJUDICATE = "linkaudit.adjudicate_linkaudit"

DECISIONS = {True: LinkReview.Decision.RIGHT, False: LinkReview.Decision.WRONG, None: LinkReview.Decision.CLEARED}
# Columns of `link_audit` that the database changes with a decision.
LABEL_COLUMNS = ("label", "label_source", "reviewed_by", "reviewed_at", "review_notes", "updated_at")
# SQLSTATEs that the project's SQL functions raise with a message for the user.
USER_ERROR_STATES = ("22023", "42501", "55000")


class StaleLinkError(Exception):
    """The link has changed since the reviewer loaded it; `audit` is the current row."""

    def __init__(self, audit: LinkAudit) -> None:
        self.audit = audit
        super().__init__(f"Link {audit.pk} was changed while you had it open. Nothing was overwritten.")


def find_label_block(audit: LinkAudit, actor: User) -> str | None:
    """Return the reason why `actor` may not label `audit`, as a sentence, or None."""
    if not actor.has_perm(LABEL):
        return _missing_permission(actor)
    # Only a link without a label can await adjudication.
    if audit.label is None and LinkDisagreement.objects.filter(pk=audit.pk).exists():
        return f"Link {audit.pk} is awaiting adjudication."
    if _has_label_of_another(audit, actor) and not actor.has_perm(ADJUDICATE):
        labeled_by = audit.reviewed_by or (audit.label_source or "another source").replace("_", " ")
        return (
            f"Link {audit.pk} was labeled by {labeled_by}. Changing another reviewer's label requires the permission "
            f"{ADJUDICATE}, which {actor.get_username()} does not have."
        )
    return None


@transaction.atomic
def label_link(
    audit_id: int, label: bool | None, *, actor: User, note: str | None = None, seen_at: datetime | None = None
) -> LinkAudit:
    """Label one link right (True) or wrong (False), or clear its label (None), and return the link.

    `note` replaces the note ("" removes it); None keeps it. `seen_at` is the `updated_at` that the actor saw. Repeating
    a decision changes nothing: the first reviewer stays, and a form sent twice does not conflict with itself.

    Raises PermissionDenied, LinkAudit.DoesNotExist, and StaleLinkError if the link has changed since `seen_at`.
    """
    require_label_permission(actor)
    audit = LinkAudit.objects.select_for_update().get(pk=audit_id)
    is_repeated = _is_repeated(audit, label, note)
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
    require_label_permission(actor)
    audit = LinkAudit.objects.select_for_update().get(pk=audit_id)
    last = list_decisions_by(actor.get_username(), audit_id).exclude(mode=LinkReview.Mode.QUEUE).first()
    if audit.updated_at != seen_at or last is None:
        raise StaleLinkError(audit)
    undone, mode = LinkReview.Decision.UNDONE, LinkReview.Mode.PAGE
    sql.scalar("record_link_review", audit_id, undone, actor.get_username(), mode, None, None, None, last.pk)
    LinkAudit.objects.filter(pk=audit_id).update(review_notes=previous_note)
    audit.refresh_from_db(fields=LABEL_COLUMNS)
    return audit


def require_label_permission(actor: User) -> None:
    """Raise PermissionDenied if the actor may not label links."""
    if not actor.has_perm(LABEL):
        raise PermissionDenied(_missing_permission(actor))


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


def _missing_permission(actor: User) -> str:
    return f"Labeling links requires the permission {LABEL}, which {actor.get_username()} does not have."


def _has_label_of_another(audit: LinkAudit, actor: User) -> bool:
    return audit.label is not None and audit.reviewed_by != actor.get_username()


def _is_repeated(audit: LinkAudit, label: bool | None, note: str | None) -> bool:
    is_same_note = note is None or (audit.review_notes or "") == note.strip()
    is_by_reviewer = audit.label is None or audit.label_source == LinkAudit.LabelSource.HUMAN_REVIEW
    return audit.label is label and is_by_reviewer and is_same_note
