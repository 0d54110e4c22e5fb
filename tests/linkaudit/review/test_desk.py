"""The desk says what waits, and why nothing does."""

from collections.abc import Callable

import pytest
from django.test import Client

from linkaudit.models import ReviewSample
from ncfd_site.core.roles import Role
from tests.factories import make_user
from tests.linkaudit.review.conftest import (
    Reviewer,
    draw,
    make_links,
    place_at,
)
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Reviewer]


def desk(reviewer: Reviewer) -> str:
    return text_of(reviewer.client.get("/review/"))


def test_without_a_sample_it_says_who_draws_one(sign_in: SignIn) -> None:
    make_links(1)
    rita = sign_in()
    assert "No sample is drawn, so there is nothing to review. An operator draws" in desk(rita)
    assert rita.claim()["Location"] == "/review/"


def test_when_all_is_done_it_says_so(sign_in: SignIn) -> None:
    make_links(1)
    draw()
    rita = sign_in()
    assert "Start" in desk(rita)
    assert rita.say(rita.address(), "right")["Location"] == "/review/"
    words = desk(rita)
    assert "All places of all samples are done." in words
    assert "You have given 1 decision today." in words
    assert "1 of 1" in words


def test_when_all_is_on_other_screens_it_says_when_the_next_frees(sign_in: SignIn) -> None:
    make_links(1)
    draw()
    rita, rose = sign_in(), sign_in("rose")
    until = place_at(rita.address()).lease_until
    assert until is not None
    assert f"The next one frees at {until:%H:%M} UTC" in desk(rose)
    assert "Start" in desk(rita)


def test_what_is_left_for_others_is_said(sign_in: SignIn) -> None:
    make_links(1)
    draw(share=1)
    rita = sign_in()
    rita.say(rita.address(), "right")
    assert "What is left waits for somebody else: of 1 place, you have seen each link already" in desk(rita)


def test_a_closed_sample_is_not_on_the_desk(sign_in: SignIn) -> None:
    make_links(1)
    draw()
    ReviewSample.objects.update(closed_by="olga", closed_at="2026-01-01T00:00Z")
    assert "No sample is drawn" in desk(sign_in())


@pytest.mark.parametrize(
    ("address", "send"),
    [
        ("/review/", "get"),
        ("/review/claim/", "post"),
        ("/review/undo/", "post"),
        ("/review/keys/", "get"),
        ("/review/keys/", "post"),
        ("/review/6c0d6f3e-0000-4000-8000-000000000000/", "get"),
        ("/review/6c0d6f3e-0000-4000-8000-000000000000/", "post"),
        ("/review/6c0d6f3e-0000-4000-8000-000000000000/skip/", "post"),
        ("/review/6c0d6f3e-0000-4000-8000-000000000000/heartbeat/", "post"),
        ("/adjudication/", "get"),
        ("/adjudication/1/", "get"),
        ("/adjudication/1/", "post"),
        ("/agreement/", "get"),
    ],
)
def test_who_may_open_which_page(client: Client, address: str, send: str) -> None:
    labels = {"reviewer", "adjudicator"}
    may = {"/review/": labels, "/agreement/": {"adjudicator", "operator", "analyst"}}.get(
        address, {"adjudicator"} if address.startswith("/adjudication/") else labels
    )
    for role in Role:
        client.force_login(make_user(role))
        status = getattr(client, send)(address).status_code
        assert (status == 403) == (role.value not in may), (role, status)
        assert status < 500
    client.logout()
    assert getattr(client, send)(address).status_code == 302


def test_a_decision_without_the_proof_that_the_form_is_ours_is_refused(sign_in: SignIn) -> None:
    make_links(1)
    draw()
    rita = sign_in()
    address = rita.address()
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = rita.client.cookies
    for url in (address, f"{address}skip/", f"{address}heartbeat/", "/review/claim/", "/review/undo/"):
        assert strict.post(url, {"decision": "right"}).status_code == 403


def test_the_first_page_leads_to_the_desk_where_a_sample_is_open(sign_in: SignIn) -> None:
    make_links(1)
    rita = sign_in()
    assert "Review the first open link" in text_of(rita.client.get("/"))
    draw()
    page = rita.client.get("/")
    assert "Go to the review desk" in text_of(page)
    assert 'href="/review/"' in page.content.decode()
