"""Writes of link audits: what a person says of a heuristic's claim.

`label`, `label_source`, `reviewed_by`, `reviewed_at` and `updated_at` always change together, under a row lock.
A label never touches `promotion_status`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from linkaudit.models import LinkAudit

LABEL = "linkaudit.label_linkaudit"
ADJUDICATE = "linkaudit.adjudicate_linkaudit"
HUMAN_REVIEW = "human_review"

WRITTEN = ("label", "label_source", "reviewed_by", "reviewed_at", "review_notes", "updated_at")


class StaleLabel(Exception):
    """Somebody else changed the link after the person had seen it; `audit` is the link as it is now."""

    def __init__(self, audit: LinkAudit) -> None:
        self.audit = audit
        super().__init__(f"Link {audit.pk} was changed while you were looking at it. Nothing was overwritten.")


@dataclass(frozen=True, slots=True)
class LabelState:
    """The label of a link at one moment, to go back to."""

    label: bool | None
    label_source: str | None
    reviewed_by: str | None
    reviewed_at: datetime | None
    review_notes: str | None

    @classmethod
    def of(cls, audit: LinkAudit) -> "LabelState":
        """Return what `audit` says now."""
        return cls(audit.label, audit.label_source, audit.reviewed_by, audit.reviewed_at, audit.review_notes)


@dataclass(frozen=True, slots=True)
class LabelResult:
    """What labelling many links did, as ids in rising order.

    `labelled`: changed now. `unchanged`: a person had already said the same. `refused`: labelled by somebody else,
    and the actor may not adjudicate. `missing`: no such link.
    """

    labelled: tuple[int, ...]
    unchanged: tuple[int, ...]
    refused: tuple[int, ...]
    missing: tuple[int, ...]


def label_obstacle(audit: LinkAudit, actor: User) -> str | None:
    """Return the sentence that says why `actor` may not label `audit`, or None where nothing stands in the way."""
    if not actor.has_perm(LABEL):
        return f"Labelling a link needs the permission {LABEL}, which {actor.get_username()} does not have."
    if _belongs_to_another(audit, actor) and not actor.has_perm(ADJUDICATE):
        return (
            f"Link {audit.pk} was labelled by {_labeller(audit)}. Changing somebody else's label needs the "
            f"permission {ADJUDICATE}, which {actor.get_username()} does not have."
        )
    return None


@transaction.atomic
def label_link(
    audit_id: int,
    verdict: bool | None,
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
    _require_labelling(actor)
    audit = LinkAudit.objects.select_for_update().get(pk=audit_id)
    if _says_already(audit, verdict, note) and not _belongs_to_another(audit, actor):
        return audit
    if seen_at is not None and audit.updated_at != seen_at:
        raise StaleLabel(audit)
    obstacle = label_obstacle(audit, actor)
    if obstacle:
        raise PermissionDenied(obstacle)
    if _says_already(audit, verdict, note):
        return audit
    return _write(audit, verdict, actor, note)


@transaction.atomic
def label_links(
    audit_ids: Collection[int], verdict: bool | None, *, actor: User, note: str | None = None
) -> LabelResult:
    """Label many links alike in one transaction, locked in the order of their ids; see `label_link`.

    Raises PermissionDenied where the actor may not label at all; a link that is somebody else's is left and
    reported.
    """
    _require_labelling(actor)
    wanted = sorted(set(audit_ids))
    labelled: list[int] = []
    unchanged: list[int] = []
    refused: list[int] = []
    found: set[int] = set()
    # Rising ids: two people who label overlapping selections wait for each other and never deadlock.
    for audit in LinkAudit.objects.select_for_update().defer("evidence_jsonb").filter(pk__in=wanted).order_by("pk"):
        found.add(audit.pk)
        if _says_already(audit, verdict, note):
            unchanged.append(audit.pk)
        elif label_obstacle(audit, actor):
            refused.append(audit.pk)
        else:
            _write(audit, verdict, actor, note)
            labelled.append(audit.pk)
    missing = tuple(audit_id for audit_id in wanted if audit_id not in found)
    return LabelResult(tuple(labelled), tuple(unchanged), tuple(refused), missing)


@transaction.atomic
def restore_label(audit_id: int, before: LabelState, *, actor: User, seen_at: datetime) -> LinkAudit:
    """Take back the actor's last label: put the link into the state `before`, and return it.

    Raises PermissionDenied, LinkAudit.DoesNotExist, and StaleLabel where the link has changed since `seen_at`, the
    `updated_at` that the label to take back has written.
    """
    _require_labelling(actor)
    audit = LinkAudit.objects.select_for_update().get(pk=audit_id)
    if audit.updated_at != seen_at:
        raise StaleLabel(audit)
    audit.label = before.label
    audit.label_source = before.label_source
    audit.reviewed_by = before.reviewed_by
    audit.reviewed_at = before.reviewed_at
    audit.review_notes = before.review_notes
    audit.updated_at = timezone.now()
    audit.save(update_fields=WRITTEN)
    return audit


def _require_labelling(actor: User) -> None:
    if not actor.has_perm(LABEL):
        raise PermissionDenied(
            f"Labelling a link needs the permission {LABEL}, which {actor.get_username()} does not have."
        )


def _belongs_to_another(audit: LinkAudit, actor: User) -> bool:
    return audit.label is not None and audit.reviewed_by != actor.get_username()


def _labeller(audit: LinkAudit) -> str:
    return audit.reviewed_by or (audit.label_source or "another source").replace("_", " ")


def _says_already(audit: LinkAudit, verdict: bool | None, note: str | None) -> bool:
    same_note = note is None or (audit.review_notes or "") == note.strip()
    by_a_person = audit.label is None or audit.label_source == HUMAN_REVIEW
    return audit.label is verdict and by_a_person and same_note


def _write(audit: LinkAudit, verdict: bool | None, actor: User, note: str | None) -> LinkAudit:
    now = timezone.now()
    audit.label = verdict
    audit.label_source = None if verdict is None else HUMAN_REVIEW
    audit.reviewed_by = None if verdict is None else actor.get_username()
    audit.reviewed_at = None if verdict is None else now
    if note is not None:
        audit.review_notes = note.strip() or None
    audit.updated_at = now
    audit.save(update_fields=WRITTEN)
    return audit
