"""The desk shows the progress of samples, and why no item is available."""

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
    slot_at,
)
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Reviewer]


def desk(reviewer: Reviewer) -> str:
    return text_of(reviewer.client.get("/review/"))


def test_without_a_sample(sign_in: SignIn) -> None:
    make_links(1)
    rita = sign_in()
    assert "No samples to review. An operator draws" in desk(rita)
    assert rita.lease()["Location"] == "/review/"


def test_all_samples_are_complete(sign_in: SignIn) -> None:
    make_links(1)
    draw()
    rita = sign_in()
    assert "Start" in desk(rita)
    assert rita.decide(rita.lease_address(), "right")["Location"] == "/review/"
    words = desk(rita)
    assert "All samples are complete." in words
    assert "Reviewed by you today: 1." in words
    assert "1 of 1" in words


def test_remaining_items_are_reserved_by_others(sign_in: SignIn) -> None:
    make_links(1)
    draw()
    rita, rose = sign_in(), sign_in("rose")
    until = slot_at(rita.lease_address()).lease_until
    assert until is not None
    assert f"Next available at {until:%H:%M} UTC" in desk(rose)
    assert "Start" in desk(rita)


def test_remaining_items_are_for_other_reviewers(sign_in: SignIn) -> None:
    make_links(1)
    draw(share=1)
    rita = sign_in()
    rita.decide(rita.lease_address(), "right")
    assert "1 item remains, none available to you: you have reviewed or skipped them all." in desk(rita)


def test_closed_sample_is_not_on_the_desk(sign_in: SignIn) -> None:
    make_links(1)
    draw()
    ReviewSample.objects.update(closed_by="olga", closed_at="2026-01-01T00:00Z")
    assert "No samples to review." in desk(sign_in())


@pytest.mark.parametrize(
    ("address", "send"),
    [
        ("/review/", "get"),
        ("/review/lease/", "post"),
        ("/review/undo/", "post"),
        ("/review/shortcuts/", "get"),
        ("/review/shortcuts/", "post"),
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
def test_access_by_role(client: Client, address: str, send: str) -> None:
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


def test_decisions_require_a_csrf_token(sign_in: SignIn) -> None:
    make_links(1)
    draw()
    rita = sign_in()
    address = rita.lease_address()
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = rita.client.cookies
    for url in (address, f"{address}skip/", f"{address}heartbeat/", "/review/lease/", "/review/undo/"):
        assert strict.post(url, {"decision": "right"}).status_code == 403


def test_home_page_leads_to_the_desk_if_a_sample_is_open(sign_in: SignIn) -> None:
    make_links(1)
    rita = sign_in()
    assert "Review the first open link" in text_of(rita.client.get("/"))
    draw()
    page = rita.client.get("/")
    assert "Start reviewing" in text_of(page)
    assert 'href="/review/"' in page.content.decode()
