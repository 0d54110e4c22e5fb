"""The pages of promotion: what they say before anything happens, and who may do what there."""

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
from tests.linkaudit.promotion.conftest import past_the_gate, say
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client: Client, olga: User) -> Client:
    client.force_login(olga)
    return client


def promoted(olga: User) -> LinkPromotion:
    """A promotion whose links are promoted."""
    number, _ = services.begin("HP-1", "past the gate", actor=olga)
    services.promote(number, NullReporter("olga"))
    Job.objects.all().delete()
    return LinkPromotion.objects.get(pk=number)


def test_the_page_says_the_gate_what_would_go_and_what_stays(operator: Client) -> None:
    past_the_gate()
    words = text_of(operator.get("/heuristics/HP-1/promote/"))
    assert "58 of 59 reviewed links are right" in words
    assert "62 links would be promoted." in words
    assert "3 would stay pending: 1 labelled wrong 1 on which people differ, or are unsure" in words
    assert "1 whose trial is not in the database" in words
    assert "Promote 62 links of HP-1." in words


def test_a_promotion_is_begun_by_a_reason_and_a_tick(operator: Client) -> None:
    past_the_gate()
    page = operator.post("/heuristics/HP-1/promote/", {"reason": " ", "confirm": ""})
    assert page.status_code == 400
    assert "Say why" in text_of(page)
    assert "Tick the box" in text_of(page)
    assert not LinkPromotion.objects.exists()
    answer = operator.post("/heuristics/HP-1/promote/", {"reason": "past\nthe gate", "confirm": "on"})
    job = Job.objects.get()
    assert answer["Location"] == f"/jobs/{job.pk}/"
    assert LinkPromotion.objects.get().reason == "past the gate"
    assert "links of HP-1" in text_of(operator.get(f"/jobs/{job.pk}/"))


def test_a_closed_gate_offers_no_button_and_refuses_on_the_page(operator: Client) -> None:
    past_the_gate(right=12)
    assert "Promote 1" not in text_of(operator.get("/heuristics/HP-1/promote/"))
    page = operator.post("/heuristics/HP-1/promote/", {"reason": "please", "confirm": "on"})
    assert page.status_code == 409
    assert "the gate does not let links of HP-1 be promoted: 12 of 13" in text_of(page)
    assert "No promotion was begun" in text_of(page)


def test_the_list_is_empty_and_says_what_fills_it(operator: Client) -> None:
    words = text_of(operator.get("/promotions/"))
    assert "No links were promoted yet. A promotion is begun on the page of a heuristic" in words


def test_the_list_says_who_when_why_and_how_it_stands(
    operator: Client, olga: User, django_assert_num_queries: Any
) -> None:
    past_the_gate()
    number = promoted(olga).pk
    assert "HP-1 62 just now olga 58 of 59 right, 0.9831 past the gate" in text_of(operator.get("/promotions/"))
    services.take_back(number, "too early", by="olga")
    # Session, person, two for permissions, promotions.
    with django_assert_num_queries(5):
        words = text_of(operator.get("/promotions/"))
    assert "taken back just now olga: too early" in words
    assert "No links of HP-2 were promoted yet" in text_of(operator.get("/promotions/?heuristic=HP-2"))


def test_a_promotion_shows_its_links_its_rows_and_who_called_one_wrong(
    operator: Client, olga: User, django_assert_num_queries: Any
) -> None:
    links = past_the_gate()
    promotion = promoted(olga)
    address = f"/promotions/{promotion.pk}/"
    assert "Nobody has called one of its links wrong since." in text_of(operator.get(address))
    say(links[1], "wrong", "adam")
    # Session, person, two for permissions, the promotion, its rows, their links, later decisions, rows counted.
    with django_assert_num_queries(9):
        page = operator.get(address)
    words = text_of(page)
    assert "1 of its links was called wrong after it was promoted." in words
    assert "adam on the link's page the number is another's" in words
    assert "✗ wrong of its trial" in words or "✗ wrong none: they were there" in words
    assert "Rows made 3 of trials, 0 of studies" in words
    assert "Take the promotion of 62 links back, and delete the 3 rows that it made." in words
    assert f"?after={links[49].pk}" in page.content.decode()
    assert "First page" in text_of(operator.get(f"{address}?after={links[49].pk}"))


def test_it_is_taken_back_with_a_reason(operator: Client, olga: User) -> None:
    past_the_gate()
    address = f"/promotions/{promoted(olga).pk}/take-back/"
    assert operator.post(address, {"reason": "too early"}).status_code == 400
    assert not Job.objects.exists()
    answer = operator.post(address, {"reason": "too early", "confirm": "on"})
    assert answer["Location"] == f"/jobs/{Job.objects.get().pk}/"
    second = operator.post(address, {"reason": "again", "confirm": "on"})
    assert second.status_code == 409
    assert "Another job of the same kind is open" in text_of(second)


@pytest.mark.parametrize(
    ("role", "looks", "promotes"),
    [(Role.REVIEWER, 200, 403), (Role.ADJUDICATOR, 200, 403), (Role.ANALYST, 200, 403), (Role.OPERATOR, 200, 200)],
)
def test_who_may_look_and_who_may_promote(client: Client, role: Role, looks: int, promotes: int) -> None:
    past_the_gate()
    promotion = promoted(make_user("operator", "oscar"))
    client.force_login(make_user(role))
    assert client.get("/promotions/").status_code == looks
    page = client.get(f"/promotions/{promotion.pk}/")
    assert page.status_code == looks
    assert ("Take it back" in text_of(page)) is (promotes == 200)
    assert client.get("/heuristics/HP-1/promote/").status_code == promotes
    refused = 403 if promotes == 403 else 400
    assert client.post("/heuristics/HP-1/promote/").status_code == refused
    assert client.post(f"/promotions/{promotion.pk}/take-back/").status_code == refused


def test_what_is_not_there_is_said(operator: Client) -> None:
    assert operator.get("/promotions/999/").status_code == 404
    assert operator.get("/heuristics/none/promote/").status_code == 404
    make_link_audit(heuristic_applied="HP/5")
    assert operator.get("/heuristics/HP/5/promote/").status_code == 200
    assert operator.get("/promotions/?page=x").status_code == 200
