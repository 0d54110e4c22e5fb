"""Who may open which address of content, with which method. An address without an expectation fails."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from ncfd_site.jobs.models import Job
from storage import urls
from tests import factories
from tests.storage.pages.conftest import SignIn

pytestmark = pytest.mark.django_db

WHO = ("reviewer", "adjudicator", "operator", "analyst", "nobody", "anonymous")
OPERATORS = frozenset({"operator"})
READERS = OPERATORS | {"analyst"}
EVERYBODY = READERS | {"reviewer", "adjudicator"}
# Of each address, which methods there are, and who may.
EXPECTED: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "content": (frozenset({"get", "head"}), READERS),
    "check": (frozenset({"post"}), OPERATORS),
    "clean": (frozenset({"get", "head", "post"}), OPERATORS),
    "move": (frozenset({"get", "head", "post"}), OPERATORS),
    "object_file": (frozenset({"get", "head"}), READERS),
    "document_file": (frozenset({"get", "head"}), EVERYBODY),
}
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")


def address(name: str, keep: Any) -> str:
    """The address, of content whose bytes are there."""
    if name not in ("object_file", "document_file"):
        return reverse(f"storage:{name}")
    content = keep(b"some bytes")
    return reverse(f"storage:{name}", args=[content.pk if name == "object_file" else _document(content)])


def _document(content: Any) -> int:
    return int(factories.make_document(object=content).pk)


def answered(client: Client, method: str, target: str) -> int:
    answer = getattr(client, method)(target)
    if answer.streaming:
        # Read to its end, it closes what it holds.
        assert b"".join(answer.streaming_content) == b"some bytes"
    return int(answer.status_code)


@pytest.mark.parametrize("name", sorted({str(pattern.name) for pattern in urls.urlpatterns}))
def test_an_address_answers_those_who_may_and_nobody_else(name: str, keep: Any, signed_in: SignIn) -> None:
    methods, readers = EXPECTED[name]
    target = address(name, keep)
    clients = {who: signed_in(who) for who in WHO}
    for method in METHODS:
        found = {who: answered(client, method, target) for who, client in clients.items()}
        if method not in methods:
            # The method is looked at first, but for those who are not signed in.
            assert found == {who: 302 if who == "anonymous" else 405 for who in WHO}, method
        else:
            # A form that is sent empty is one with a mistake.
            allowed = 400 if method == "post" else 200
            wanted = {who: 302 if who == "anonymous" else allowed if who in readers else 403 for who in WHO}
            assert found == wanted, method
    assert not Job.objects.exists()


@pytest.mark.parametrize("name", ["check", "clean", "move"])
def test_a_form_without_its_token_is_refused(name: str, olga: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = olga.cookies
    answer = strict.post(reverse(f"storage:{name}"), {"only": "counts", "sample": 100, "confirm": "on"})
    assert answer.status_code == 403
    assert not Job.objects.exists()


def test_pages_of_content_are_not_kept_by_the_browser(olga: Client) -> None:
    for name in ("content", "clean", "move"):
        assert "no-store" in olga.get(reverse(f"storage:{name}"))["Cache-Control"]


@pytest.mark.parametrize(("who", "sees"), [("operator", True), ("analyst", True), ("reviewer", False)])
def test_the_way_to_content_is_shown_to_those_who_may(who: str, sees: bool, signed_in: SignIn) -> None:
    assert (reverse("storage:content") in signed_in(who).get(reverse("home")).content.decode()) is sees


def test_without_the_staff_flag_no_number_leads_to_the_admin(signed_in: SignIn) -> None:
    factories.make_storage_object()
    client = Client()
    client.force_login(factories.make_user("analyst", is_staff=False))
    page = client.get(reverse("storage:content")).content.decode()
    assert 'href="/admin/' not in page
    assert 'href="/admin/' in signed_in("operator").get(reverse("storage:content")).content.decode()
