"""What labelling one link writes, and what it refuses."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from linkaudit.models import LinkAudit
from linkaudit.services import StaleLabel, label_link, restore_label
from ncfd_site.core.roles import Role
from tests.factories import make_link_audit, make_user

pytestmark = pytest.mark.django_db


def label_fields(audit: LinkAudit) -> tuple[Any, ...]:
    return (audit.label, audit.label_source, audit.reviewed_by, audit.reviewed_at is not None, audit.review_notes)


@pytest.mark.parametrize("decision", [True, False])
def test_a_decision_is_written_with_its_source_reviewer_and_time(decision: bool) -> None:
    rita, audit = make_user(), make_link_audit()
    before = timezone.now()
    label_link(audit.pk, decision, actor=rita, note=" seen in the arms ")
    stored = LinkAudit.objects.get(pk=audit.pk)
    assert label_fields(stored) == (decision, "human_review", "rita", True, "seen in the arms")
    assert stored.reviewed_at is not None
    assert before <= stored.reviewed_at <= stored.updated_at


def test_back_to_open_takes_away_all_four() -> None:
    rita, audit = make_user(), make_link_audit(label=True)
    label_link(audit.pk, None, actor=rita)
    assert label_fields(LinkAudit.objects.get(pk=audit.pk)) == (None, None, None, False, None)


def test_the_promotion_status_stays() -> None:
    rita, audit = make_user(), make_link_audit(promotion_status="promoted")
    label_link(audit.pk, False, actor=rita)
    assert LinkAudit.objects.get(pk=audit.pk).promotion_status == "promoted"


def test_without_a_note_the_old_one_stays_and_an_empty_one_takes_it_away() -> None:
    rita, audit = make_user(), make_link_audit(review_notes="from the pipeline")
    assert label_link(audit.pk, True, actor=rita).review_notes == "from the pipeline"
    assert label_link(audit.pk, False, actor=rita, note="").review_notes is None


def test_saying_the_same_again_changes_nothing() -> None:
    rita, audit = make_user(), make_link_audit()
    first = label_link(audit.pk, True, actor=rita, note="sure", seen_at=audit.updated_at)
    again = label_link(audit.pk, True, actor=rita, note="sure", seen_at=audit.updated_at)
    assert again.updated_at == first.updated_at


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ANALYST, None])
def test_only_who_may_label_does(role: Role | None) -> None:
    actor, audit = make_user(role), make_link_audit()
    with pytest.raises(PermissionDenied, match=r"linkaudit\.label_linkaudit"):
        label_link(audit.pk, True, actor=actor)
    assert LinkAudit.objects.get(pk=audit.pk).label is None


def test_somebody_elses_label_is_the_adjudicators_to_change() -> None:
    rita, adam = make_user(), make_user(Role.ADJUDICATOR)
    audit = make_link_audit(label=True, reviewed_by="olivia")
    with pytest.raises(PermissionDenied, match=r"labelled by olivia.*linkaudit\.adjudicate_linkaudit"):
        label_link(audit.pk, False, actor=rita)
    assert label_link(audit.pk, False, actor=adam).reviewed_by == "adam"


def test_a_label_from_outside_is_the_adjudicators_to_change() -> None:
    rita = make_user()
    audit = make_link_audit(label=True, label_source="external_validation", reviewed_by=None)
    with pytest.raises(PermissionDenied, match="labelled by external validation"):
        label_link(audit.pk, False, actor=rita)


def test_agreeing_with_somebody_keeps_the_first_reviewer() -> None:
    adam, audit = make_user(Role.ADJUDICATOR), make_link_audit(label=True, reviewed_by="rita")
    assert label_link(audit.pk, True, actor=adam).reviewed_by == "rita"


def test_a_change_since_it_was_seen_is_a_conflict_and_nothing_is_overwritten() -> None:
    rita, adam, audit = make_user(), make_user(Role.ADJUDICATOR), make_link_audit()
    label_link(audit.pk, False, actor=adam)
    with pytest.raises(StaleLabel) as conflict:
        label_link(audit.pk, True, actor=rita, seen_at=audit.updated_at)
    assert conflict.value.audit.reviewed_by == "adam"
    assert LinkAudit.objects.get(pk=audit.pk).label is False


def test_a_link_that_is_not_there_is_not_labelled() -> None:
    with pytest.raises(LinkAudit.DoesNotExist):
        label_link(10**15, True, actor=make_user())


def test_taking_back_restores_everything_that_was_there() -> None:
    adam = make_user(Role.ADJUDICATOR)
    reviewed = timezone.now() - timedelta(days=3)
    audit = make_link_audit(label=True, reviewed_by="rita", reviewed_at=reviewed, review_notes="clear")
    written = label_link(audit.pk, False, actor=adam, note="it is another arm")
    restore_label(audit.pk, audit.review_notes, actor=adam, seen_at=written.updated_at)
    stored = LinkAudit.objects.get(pk=audit.pk)
    assert label_fields(stored) == (True, "human_review", "rita", True, "clear")
    assert stored.reviewed_at == reviewed
    assert stored.updated_at > written.updated_at


def test_taking_back_stops_where_somebody_came_after() -> None:
    rita, adam, audit = make_user(), make_user(Role.ADJUDICATOR), make_link_audit()
    written = label_link(audit.pk, True, actor=rita)
    label_link(audit.pk, False, actor=adam)
    with pytest.raises(StaleLabel):
        restore_label(audit.pk, audit.review_notes, actor=rita, seen_at=written.updated_at)
    assert LinkAudit.objects.get(pk=audit.pk).reviewed_by == "adam"


def test_taking_back_asks_for_the_permission_too() -> None:
    audit = make_link_audit()
    with pytest.raises(PermissionDenied):
        restore_label(audit.pk, audit.review_notes, actor=make_user(Role.ANALYST), seen_at=audit.updated_at)
