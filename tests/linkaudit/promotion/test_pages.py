"""Pages of promotions: preview, start, list, details, revert, and access."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from linkaudit.models import LinkPromotion
from linkaudit.promotion import services
from ncfd_site.core.progress import NullReporter
from ncfd_site.core.roles import Role
from ncfd_site.jobs.models import Job
from tests.factories import make_link_audit, make_user
from tests.linkaudit.promotion.conftest import decide, make_promotable
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client: Client, olga: User) -> Client:
    client.force_login(olga)
    return client


def promote(olga: User) -> LinkPromotion:
    """Create a promotion, and promote its links."""
    number, _ = services.start_promotion("HP-1", "rule met", "no sample yet", actor=olga)
    services.promote_links(number, NullReporter("olga"))
    Job.objects.all().delete()
    return LinkPromotion.objects.get(pk=number)


def test_preview_shows_the_rule_and_the_outcomes(operator: Client) -> None:
    make_promotable()
    words = text_of(operator.get("/heuristics/HP-1/promote/"))
    assert "58 of 59 reviewed links are right" in words
    assert "Sample evidence ✗ Not proven: no sample drawn." in words
    assert "No sample evidence: the reviewed links may not be typical of the 62 links below." in words
    assert "62 links can be promoted." in words
    assert "3 links stay pending: 1 labeled wrong 1 awaiting adjudication" in words
    assert "1 with a trial that is not in the database" in words
    assert "Promote 62 links of HP-1." in words


def test_promotion_requires_a_reason_and_a_confirmation(operator: Client) -> None:
    make_promotable()
    page = operator.post("/heuristics/HP-1/promote/", {"reason": " ", "confirm": ""})
    assert page.status_code == 400
    assert "Enter a reason" in text_of(page)
    assert "Select the checkbox" in text_of(page)
    assert not LinkPromotion.objects.exists()
    form = {"reason": "rule\nmet", "confirm": "on"}
    refused = operator.post("/heuristics/HP-1/promote/", form)
    assert (refused.status_code, "HP-1 has no sample evidence" in text_of(refused)) == (409, True)
    refused = operator.post("/heuristics/HP-1/promote/", {**form, "override": "on"})
    assert (refused.status_code, "Enter why these links are promoted" in text_of(refused)) == (400, True)
    answer = operator.post("/heuristics/HP-1/promote/", {**form, "override": "on", "override_reason": "a\nbackfill"})
    job = Job.objects.get()
    assert answer["Location"] == f"/jobs/{job.pk}/"
    promotion = LinkPromotion.objects.get()
    assert (promotion.reason, promotion.override_reason) == ("rule met", "a backfill")
    assert "no: overridden, a backfill" in text_of(operator.get(f"/promotions/{promotion.pk}/"))
    assert "links of HP-1" in text_of(operator.get(f"/jobs/{job.pk}/"))


def test_unmet_rule_refuses_on_the_page(operator: Client) -> None:
    make_promotable(right=12)
    assert "Promote 1" not in text_of(operator.get("/heuristics/HP-1/promote/"))
    page = operator.post("/heuristics/HP-1/promote/", {"reason": "please", "confirm": "on"})
    assert page.status_code == 409
    assert "12 of 13" in text_of(page)
    assert "No promotion was started" in text_of(page)


def test_empty_list_shows_how_to_start_one(operator: Client) -> None:
    words = text_of(operator.get("/promotions/"))
    assert "No promotions yet. Start one on the page of a heuristic that meets the promotion rule." in words


def test_list_shows_operator_reason_and_status(operator: Client, olga: User, django_assert_num_queries: Any) -> None:
    make_promotable()
    number = promote(olga).pk
    assert "HP-1 62 just now olga 58 of 59 right, 0.9831 rule met" in text_of(operator.get("/promotions/"))
    services.revert_promotion(number, "too early", reverted_by="olga")
    # Session, user, two for permissions, promotions.
    with django_assert_num_queries(5):
        words = text_of(operator.get("/promotions/"))
    assert "reverted just now olga: too early" in words
    assert "No promotions of HP-2 yet." in text_of(operator.get("/promotions/?heuristic=HP-2"))


def test_promotion_shows_its_links_rows_and_later_errors(
    operator: Client, olga: User, django_assert_num_queries: Any
) -> None:
    links = make_promotable()
    promotion = promote(olga)
    address = f"/promotions/{promotion.pk}/"
    assert "No link was labeled wrong after its promotion." in text_of(operator.get(address))
    decide(links[1], "wrong", "adam")
    # Session, user, two for permissions, promotion, items, links, later errors, created rows.
    with django_assert_num_queries(9):
        page = operator.get(address)
    words = text_of(page)
    assert "Later labeled wrong 1 link." in words
    assert "adam link page the number is another's" in words
    assert "✗ wrong trial promoted" in words or "✗ wrong none, already there promoted" in words
    assert "Rows created 3 trial assets, 0 study assets" in words
    assert "Revert the promotion of 62 links, and delete the 3 rows that it created." in words
    assert f"?after={links[49].pk}" in page.content.decode()
    assert "First page" in text_of(operator.get(f"{address}?after={links[49].pk}"))


def test_revert_requires_a_reason_and_a_confirmation(operator: Client, olga: User) -> None:
    make_promotable()
    address = f"/promotions/{promote(olga).pk}/revert/"
    assert operator.post(address, {"reason": "too early"}).status_code == 400
    assert not Job.objects.exists()
    answer = operator.post(address, {"reason": "too early", "confirm": "on"})
    assert answer["Location"] == f"/jobs/{Job.objects.get().pk}/"
    second = operator.post(address, {"reason": "again", "confirm": "on"})
    assert second.status_code == 409
    assert "Another job of this type is open" in text_of(second)


@pytest.mark.parametrize(
    ("role", "view", "promotes"),
    [(Role.REVIEWER, 200, 403), (Role.ADJUDICATOR, 200, 403), (Role.ANALYST, 200, 403), (Role.OPERATOR, 200, 200)],
)
def test_access_by_role(client: Client, role: Role, view: int, promotes: int) -> None:
    make_promotable()
    promotion = promote(make_user("operator", "oscar"))
    client.force_login(make_user(role))
    assert client.get("/promotions/").status_code == view
    page = client.get(f"/promotions/{promotion.pk}/")
    assert page.status_code == view
    assert ("Revert the promotion" in text_of(page)) is (promotes == 200)
    assert client.get("/heuristics/HP-1/promote/").status_code == promotes
    refused = 403 if promotes == 403 else 400
    assert client.post("/heuristics/HP-1/promote/").status_code == refused
    assert client.post(f"/promotions/{promotion.pk}/revert/").status_code == refused


def test_unknown_promotions_and_heuristics_are_not_found(operator: Client) -> None:
    assert operator.get("/promotions/999/").status_code == 404
    assert operator.get("/heuristics/none/promote/").status_code == 404
    make_link_audit(heuristic_applied="HP/5")
    assert operator.get("/heuristics/HP/5/promote/").status_code == 200
    assert operator.get("/promotions/?page=x").status_code == 200
