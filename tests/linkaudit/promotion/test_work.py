"""Promoting and taking back: the gate is asked, a job does it, and what it did can be undone whole."""

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied

from linkaudit.models import LinkAudit, LinkPromotion, LinkPromotionItem, TrialAssetLink
from linkaudit.promotion import services
from linkaudit.promotion.queries import later_wrong, made_by, preview
from ncfd_site.core.progress import Canceled, NullReporter
from ncfd_site.core.roles import Role
from ncfd_site.jobs.models import Job
from ncfd_site.jobs.queue import JobError
from tests.factories import make_link_audit, make_user
from tests.jobs.conftest import run
from tests.linkaudit.promotion.conftest import past_the_gate, say

pytestmark = pytest.mark.django_db
TWO = pytest.mark.django_db(transaction=True)


def statuses() -> dict[str, int]:
    found = LinkAudit.objects.values_list("promotion_status", flat=True)
    return {status: list(found).count(status) for status in set(found)}


@TWO
def test_a_promotion_promotes_what_its_preview_says_and_is_taken_back_whole(olga: User) -> None:
    past_the_gate()
    before = preview("HP-1")
    assert (before.promotable, before.wrong, before.disputed, before.unknown_trial) == (62, 1, 1, 1)
    assert not before.cut_off
    number, job = services.begin("HP-1", "past the gate", actor=olga)
    assert run() == [
        f"Job {job.pk} begins: Promote links, for olga.",
        f"Job {job.pk} is done: Promotion {number} has promoted 62 links.",
    ]
    assert statuses() == {"promoted": 62, "pending": 3}
    assert TrialAssetLink.objects.count() == 3
    promotion = LinkPromotion.objects.get(pk=number)
    assert (promotion.link_count, promotion.promoted_by, promotion.reason) == (62, "olga", "past the gate")
    assert promotion.precision_counts["correct_links"] == 58
    assert (made_by(promotion).links, made_by(promotion).rows) == (62, 3)
    services.ask_to_take_back(number, "too early", actor=olga)
    assert run()[-1].endswith(f"Promotion {number} is taken back: 62 links are what they were before.")
    assert statuses() == {"pending": 65}
    assert not TrialAssetLink.objects.exists()
    promotion.refresh_from_db()
    assert (promotion.reverted_by, promotion.revert_reason) == ("olga", "too early")
    # The record of it stays.
    assert LinkPromotionItem.objects.count() == 62
    with pytest.raises(services.PromotionRefused, match="was taken back already, by olga"):
        services.ask_to_take_back(number, "once more", actor=olga)


def test_a_closed_gate_is_told_at_once_and_nothing_is_kept(olga: User) -> None:
    past_the_gate(right=12)
    with pytest.raises(services.PromotionRefused, match="the gate does not let links of HP-1 be promoted: 12 of 13"):
        services.begin("HP-1", "please", actor=olga)
    assert not LinkPromotion.objects.exists()
    assert not Job.objects.exists()


def test_who_alone_has_supplied_the_labels_may_not_promote() -> None:
    past_the_gate()
    rita = make_user("operator", "rita")
    with pytest.raises(services.PromotionRefused, match="rita alone has supplied the labels of HP-1"):
        services.begin("HP-1", "mine", actor=rita)


def test_who_may_not_promote_may_neither_begin_nor_take_back() -> None:
    past_the_gate()
    ana = make_user(Role.ANALYST)
    with pytest.raises(PermissionDenied, match=r"linkaudit\.promote_linkpromotion"):
        services.begin("HP-1", "please", actor=ana)
    with pytest.raises(PermissionDenied, match=r"linkaudit\.promote_linkpromotion"):
        services.ask_to_take_back(1, "please", actor=ana)


def test_a_second_promotion_waits_for_the_first_and_leaves_nothing(olga: User) -> None:
    past_the_gate()
    services.begin("HP-1", "first", actor=olga)
    with pytest.raises(JobError, match="Another job of the same kind is open"):
        services.begin("HP-1", "second", actor=olga)
    assert LinkPromotion.objects.count() == 1


@TWO
def test_a_gate_that_closes_midway_fails_the_job_and_keeps_what_was_done(
    olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = past_the_gate()
    monkeypatch.setattr(services, "BATCH", 20)
    number, job = services.begin("HP-1", "past the gate", actor=olga)

    class Closing(NullReporter):
        def advance(self, count: int = 1, *, checkpoint: object = None, note: str = "") -> None:
            for link in links[:5]:
                say(link, "wrong", "adam")

    with pytest.raises(services.PromotionRefused, match="the gate does not let"):
        services.promote(number, Closing("olga"))
    assert LinkPromotion.objects.get().link_count == 20
    assert run()[-1].startswith(
        f"Job {job.pk} failed: The database refuses this: the gate does not let links of HP-1 be promoted"
    )
    assert LinkPromotion.objects.get().link_count == 20
    assert {one.audit_id for one in later_wrong(LinkPromotion.objects.get())} == {link.pk for link in links[:5]}
    assert services.take_back(number, "the gate has closed", by="olga") == 20
    assert "promoted" not in statuses()


@TWO
def test_an_interrupted_promotion_goes_on_from_its_checkpoint(olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    past_the_gate()
    monkeypatch.setattr(services, "BATCH", 20)
    number, _ = services.begin("HP-1", "past the gate", actor=olga)

    class Stopping(NullReporter):
        def advance(self, count: int = 1, *, checkpoint: object = None, note: str = "") -> None:
            super().advance(count, checkpoint=checkpoint)  # type: ignore[arg-type]
            raise Canceled

    control = Stopping("olga")
    with pytest.raises(Canceled):
        services.promote(number, control)
    assert LinkPromotion.objects.get().link_count == 20
    assert services.promote(number, NullReporter("olga", control.checkpoint)) == 62
    assert LinkPromotionItem.objects.count() == 62


@TWO
def test_promoting_ends_where_the_promotion_was_taken_back(olga: User) -> None:
    past_the_gate()
    number, job = services.begin("HP-1", "past the gate", actor=olga)
    services.take_back(number, "changed my mind", by="olga")
    assert (
        run()[-1] == f"Job {job.pk} failed: The database refuses this: promotion {number} was taken back, or never was."
    )


def test_a_decision_that_is_retracted_is_no_later_wrong(olga: User) -> None:
    links = past_the_gate()
    number, _ = services.begin("HP-1", "past the gate", actor=olga)
    services.promote(number, NullReporter("olga"))
    promotion = LinkPromotion.objects.get()
    say(links[0], "wrong", "adam")
    assert [(one.audit_id, one.reviewer) for one in later_wrong(promotion)] == [(links[0].pk, "adam")]
    say(make_link_audit(heuristic_applied="HP-1"), "wrong", "adam")
    assert len(later_wrong(promotion)) == 1


def test_a_preview_is_limited_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkaudit.promotion.queries.MOST_PENDING", 10)
    past_the_gate()
    found = preview("HP-1")
    assert found.cut_off
    assert found.promotable + found.staying == 10
