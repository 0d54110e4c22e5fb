"""Promotion and revert: the rule is checked, a job does the work, and a revert undoes all of it."""

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import PermissionDenied

from linkaudit.models import InterimAnalysis, LinkAudit, LinkPromotion, LinkPromotionItem, ReviewSample, TrialAssetLink
from linkaudit.precision.reports import assess
from linkaudit.promotion import services
from linkaudit.promotion.queries import count_created_rows, list_later_errors, read_preview
from ncfd_site.core import sql
from ncfd_site.core.progress import Canceled, NullReporter
from ncfd_site.core.roles import Role
from ncfd_site.jobs.models import Job
from ncfd_site.jobs.queue import JobError
from tests.factories import make_link_audit, make_user
from tests.jobs.conftest import run
from tests.linkaudit.promotion.conftest import decide, make_promotable

pytestmark = pytest.mark.django_db
TWO = pytest.mark.django_db(transaction=True)


def prove(heuristic: str, size: int, analyses: dict[int, bool]) -> None:
    """Create a sample with these interim analyses: whether each size passed."""
    sample = ReviewSample.objects.create(
        heuristic=heuristic, population=1000, size=size, second_share=0, seed=1, drawn_by="olga"
    )
    for at, passed in analyses.items():
        InterimAnalysis.objects.create(
            sample=sample, size=at, error_count=0, alpha="0.0125", lower_bound="0.957", passed=passed
        )


def statuses() -> dict[str, int]:
    found = LinkAudit.objects.values_list("promotion_status", flat=True)
    return {status: list(found).count(status) for status in set(found)}


@TWO
def test_promotion_matches_its_preview_and_is_reverted_completely(olga: User) -> None:
    make_promotable()
    before = read_preview("HP-1")
    assert (before.promotable, before.wrong, before.disputed, before.unknown_trial) == (62, 1, 1, 1)
    assert not before.is_partial
    number, job = services.start_promotion("HP-1", "rule met", "no sample yet", actor=olga)
    assert run() == [
        f"Job {job.pk} starts: Promote links, requested by olga.",
        f"Job {job.pk} is done: Promotion {number}: 62 links promoted.",
    ]
    assert statuses() == {"promoted": 62, "pending": 3}
    assert TrialAssetLink.objects.count() == 3
    promotion = LinkPromotion.objects.get(pk=number)
    assert (promotion.link_count, promotion.promoted_by, promotion.reason) == (62, "olga", "rule met")
    assert promotion.precision_counts["correct_links"] == 58
    assert count_created_rows(promotion).total == 3
    services.start_revert_job(number, "too early", actor=olga)
    assert run()[-1].endswith(f"Promotion {number} reverted: 62 links.")
    assert statuses() == {"pending": 65}
    assert not TrialAssetLink.objects.exists()
    promotion.refresh_from_db()
    assert (promotion.reverted_by, promotion.revert_reason) == ("olga", "too early")
    # The audit trail stays.
    assert LinkPromotionItem.objects.count() == 62
    with pytest.raises(services.PromotionError, match="was already reverted by olga"):
        services.start_revert_job(number, "once more", actor=olga)


def test_unmet_rule_refuses_the_start(olga: User) -> None:
    make_promotable(right=12)
    with pytest.raises(services.PromotionError, match="12 of 13"):
        services.start_promotion("HP-1", "please", actor=olga)
    assert not LinkPromotion.objects.exists()
    assert not Job.objects.exists()


def test_sole_reviewer_may_not_promote() -> None:
    make_promotable()
    rita = make_user("operator", "rita")
    with pytest.raises(services.PromotionError, match="rita"):
        services.start_promotion("HP-1", "mine", actor=rita)


def test_start_and_revert_require_the_permission() -> None:
    make_promotable()
    ana = make_user(Role.ANALYST)
    with pytest.raises(PermissionDenied, match=r"linkaudit\.promote_linkpromotion"):
        services.start_promotion("HP-1", "please", actor=ana)
    with pytest.raises(PermissionDenied, match=r"linkaudit\.promote_linkpromotion"):
        services.start_revert_job(1, "please", actor=ana)


def test_missing_sample_evidence_needs_a_recorded_override(olga: User) -> None:
    make_promotable()
    with pytest.raises(services.PromotionError, match="HP-1 has no sample evidence: a promotion needs an override"):
        services.start_promotion("HP-1", "rule met", actor=olga)
    assert not LinkPromotion.objects.exists()
    paul = make_user(None, "paul")
    paul.user_permissions.add(Permission.objects.get(codename="promote_linkpromotion"))
    with pytest.raises(PermissionDenied, match=r"linkaudit\.override_linkpromotion"):
        services.start_promotion("HP-1", "rule met", "no sample yet", actor=paul)
    number, job = services.start_promotion("HP-1", "rule met", "no sample yet", actor=olga)
    promotion = LinkPromotion.objects.get(pk=number)
    assert (promotion.has_sample_evidence, promotion.override_reason) == (False, "no sample yet")
    job.delete()
    prove("HP-1", 400, {100: True})
    number, _ = services.start_promotion("HP-1", "rule met", "not needed", actor=olga)
    promotion = LinkPromotion.objects.get(pk=number)
    assert (promotion.has_sample_evidence, promotion.override_reason) == (True, None)


@pytest.mark.parametrize(
    ("samples", "is_proven"),
    [
        ([], False),
        ([(400, {100: False, 200: True})], True),
        ([(400, {100: False})], False),
        ([(150, {100: False})], False),
        # A later failure outweighs a pass; a sample that is not completed does not.
        ([(400, {100: True}), (150, {100: False})], False),
        ([(400, {100: True}), (400, {100: False})], True),
        ([(400, {100: True}), (90, {})], True),
    ],
)
def test_database_and_pages_agree_on_the_evidence(samples: list[tuple[int, dict[int, bool]]], is_proven: bool) -> None:
    make_link_audit(heuristic_applied="HP-1")
    for size, analyses in samples:
        prove("HP-1", size, analyses)
    assert sql.scalar("has_sample_evidence", "HP-1") is is_proven
    assert assess("HP-1").evidence.is_proven is is_proven


def test_concurrent_promotion_is_refused(olga: User) -> None:
    make_promotable()
    services.start_promotion("HP-1", "first", "no sample yet", actor=olga)
    with pytest.raises(JobError, match="Another job of this type is open"):
        services.start_promotion("HP-1", "second", "no sample yet", actor=olga)
    assert LinkPromotion.objects.count() == 1


@TWO
def test_rule_unmet_midway_fails_the_job_and_keeps_promoted_links(olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    links = make_promotable()
    monkeypatch.setattr(services, "BATCH", 20)
    number, job = services.start_promotion("HP-1", "rule met", "no sample yet", actor=olga)

    class Closing(NullReporter):
        def advance(self, count: int = 1, *, checkpoint: object = None, note: str = "") -> None:
            for link in links[:5]:
                decide(link, "wrong", "adam")

    with pytest.raises(services.PromotionError, match="HP-1"):
        services.promote_links(number, Closing("olga"))
    assert LinkPromotion.objects.get().link_count == 20
    assert run()[-1].startswith(f"Job {job.pk} failed: The database refused this: ")
    assert LinkPromotion.objects.get().link_count == 20
    errors = list_later_errors(LinkPromotion.objects.get(), olga)
    assert {each.audit_id for each in errors} == {link.pk for link in links[:5]}
    assert services.revert_promotion(number, "the rule is no longer met", reverted_by="olga") == 20
    assert "promoted" not in statuses()


@TWO
def test_interrupted_promotion_resumes_from_its_checkpoint(olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    make_promotable()
    monkeypatch.setattr(services, "BATCH", 20)
    number, _ = services.start_promotion("HP-1", "rule met", "no sample yet", actor=olga)

    class Stopping(NullReporter):
        def advance(self, count: int = 1, *, checkpoint: object = None, note: str = "") -> None:
            super().advance(count, checkpoint=checkpoint)  # type: ignore[arg-type]
            raise Canceled

    reporter = Stopping("olga")
    with pytest.raises(Canceled):
        services.promote_links(number, reporter)
    assert LinkPromotion.objects.get().link_count == 20
    assert services.promote_links(number, NullReporter("olga", reporter.checkpoint)) == 62
    assert LinkPromotionItem.objects.count() == 62


@TWO
def test_reverted_promotion_promotes_nothing(olga: User) -> None:
    make_promotable()
    number, job = services.start_promotion("HP-1", "rule met", "no sample yet", actor=olga)
    services.revert_promotion(number, "changed my mind", reverted_by="olga")
    assert run()[-1].startswith(f"Job {job.pk} failed: The database refused this: promotion {number} ")


def test_later_errors_are_decisions_on_promoted_links(olga: User) -> None:
    links = make_promotable()
    number, _ = services.start_promotion("HP-1", "rule met", "no sample yet", actor=olga)
    services.promote_links(number, NullReporter("olga"))
    promotion = LinkPromotion.objects.get()
    decide(links[0], "wrong", "adam")
    assert [(each.audit_id, each.reviewer) for each in list_later_errors(promotion, olga)] == [(links[0].pk, "adam")]
    decide(make_link_audit(heuristic_applied="HP-1"), "wrong", "adam")
    assert len(list_later_errors(promotion, olga)) == 1


def test_preview_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkaudit.promotion.queries.MAX_PENDING", 10)
    make_promotable()
    found = read_preview("HP-1")
    assert found.is_partial
    assert found.promotable + found.staying == 10
