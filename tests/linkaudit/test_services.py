"""Labeling one link: what it writes, and what it refuses."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from linkaudit.models import LinkAudit
from linkaudit.services import StaleLinkError, label_link, undo_label
from ncfd_site.core.roles import Role
from tests.factories import make_link_audit, make_user

pytestmark = pytest.mark.django_db


def label_fields(audit: LinkAudit) -> tuple[Any, ...]:
    return (audit.label, audit.label_source, audit.reviewed_by, audit.reviewed_at is not None, audit.review_notes)


@pytest.mark.parametrize("decision", [True, False])
def test_label_is_written_with_source_reviewer_and_time(decision: bool) -> None:
    rita, audit = make_user(), make_link_audit()
    before = timezone.now()
    label_link(audit.pk, decision, actor=rita, note=" seen in the arms ")
    stored = LinkAudit.objects.get(pk=audit.pk)
    assert label_fields(stored) == (decision, "human_review", "rita", True, "seen in the arms")
    assert stored.reviewed_at is not None
    assert before <= stored.reviewed_at <= stored.updated_at


def test_cleared_label_clears_its_columns() -> None:
    rita, audit = make_user(), make_link_audit(label=True)
    label_link(audit.pk, None, actor=rita)
    assert label_fields(LinkAudit.objects.get(pk=audit.pk)) == (None, None, None, False, None)


def test_promotion_status_stays() -> None:
    rita, audit = make_user(), make_link_audit(promotion_status="promoted")
    label_link(audit.pk, False, actor=rita)
    assert LinkAudit.objects.get(pk=audit.pk).promotion_status == "promoted"


def test_missing_note_keeps_the_note_and_an_empty_one_removes_it() -> None:
    rita, audit = make_user(), make_link_audit(review_notes="from the pipeline")
    assert label_link(audit.pk, True, actor=rita).review_notes == "from the pipeline"
    assert label_link(audit.pk, False, actor=rita, note="").review_notes is None


def test_repeated_decision_changes_nothing() -> None:
    rita, audit = make_user(), make_link_audit()
    first = label_link(audit.pk, True, actor=rita, note="sure", seen_at=audit.updated_at)
    again = label_link(audit.pk, True, actor=rita, note="sure", seen_at=audit.updated_at)
    assert again.updated_at == first.updated_at


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ANALYST, None])
def test_labeling_requires_the_permission(role: Role | None) -> None:
    actor, audit = make_user(role), make_link_audit()
    with pytest.raises(PermissionDenied, match=r"linkaudit\.label_linkaudit"):
        label_link(audit.pk, True, actor=actor)
    assert LinkAudit.objects.get(pk=audit.pk).label is None


def test_only_adjudicators_change_the_label_of_another() -> None:
    rita, adam = make_user(), make_user(Role.ADJUDICATOR)
    audit = make_link_audit(label=True, reviewed_by="olivia")
    with pytest.raises(PermissionDenied, match=r"labeled by olivia.*linkaudit\.adjudicate_linkaudit"):
        label_link(audit.pk, False, actor=rita)
    assert label_link(audit.pk, False, actor=adam).reviewed_by == "adam"


def test_only_adjudicators_change_an_external_label() -> None:
    rita = make_user()
    audit = make_link_audit(label=True, label_source="external_validation", reviewed_by=None)
    with pytest.raises(PermissionDenied, match="labeled by external validation"):
        label_link(audit.pk, False, actor=rita)


def test_same_label_keeps_the_first_reviewer() -> None:
    adam, audit = make_user(Role.ADJUDICATOR), make_link_audit(label=True, reviewed_by="rita")
    assert label_link(audit.pk, True, actor=adam).reviewed_by == "rita"


def test_concurrent_change_is_not_overwritten() -> None:
    rita, adam, audit = make_user(), make_user(Role.ADJUDICATOR), make_link_audit()
    label_link(audit.pk, False, actor=adam)
    with pytest.raises(StaleLinkError) as conflict:
        label_link(audit.pk, True, actor=rita, seen_at=audit.updated_at)
    assert conflict.value.audit.reviewed_by == "adam"
    assert LinkAudit.objects.get(pk=audit.pk).label is False


def test_unknown_link_is_not_labeled() -> None:
    with pytest.raises(LinkAudit.DoesNotExist):
        label_link(10**15, True, actor=make_user())


def test_undo_restores_the_label() -> None:
    adam = make_user(Role.ADJUDICATOR)
    reviewed = timezone.now() - timedelta(days=3)
    audit = make_link_audit(label=True, reviewed_by="rita", reviewed_at=reviewed, review_notes="clear")
    written = label_link(audit.pk, False, actor=adam, note="it is another arm")
    undo_label(audit.pk, audit.review_notes, actor=adam, seen_at=written.updated_at)
    stored = LinkAudit.objects.get(pk=audit.pk)
    assert label_fields(stored) == (True, "human_review", "rita", True, "clear")
    assert stored.reviewed_at == reviewed
    assert stored.updated_at > written.updated_at


def test_undo_is_refused_after_a_later_change() -> None:
    rita, adam, audit = make_user(), make_user(Role.ADJUDICATOR), make_link_audit()
    written = label_link(audit.pk, True, actor=rita)
    label_link(audit.pk, False, actor=adam)
    with pytest.raises(StaleLinkError):
        undo_label(audit.pk, audit.review_notes, actor=rita, seen_at=written.updated_at)
    assert LinkAudit.objects.get(pk=audit.pk).reviewed_by == "adam"


def test_undo_requires_the_permission() -> None:
    audit = make_link_audit()
    with pytest.raises(PermissionDenied):
        undo_label(audit.pk, audit.review_notes, actor=make_user(Role.ANALYST), seen_at=audit.updated_at)
