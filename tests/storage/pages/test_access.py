"""Access to every URL of storage by role and method."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from ncfd_site.jobs.models import Job
from storage import urls
from tests import factories
from tests.storage.pages.conftest import SignIn

pytestmark = pytest.mark.django_db

WHO = ("reviewer", "adjudicator", "operator", "analyst", "no role", "anonymous")
OPERATORS = frozenset({"operator"})
READERS = OPERATORS | {"analyst"}
ALL_ROLES = READERS | {"reviewer", "adjudicator"}
# Methods and roles by URL name; a URL without expectation fails.
EXPECTED: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "content": (frozenset({"get", "head"}), READERS),
    "verify": (frozenset({"post"}), OPERATORS),
    "garbage_collection": (frozenset({"get", "head", "post"}), OPERATORS),
    "move": (frozenset({"get", "head", "post"}), OPERATORS),
    "object_file": (frozenset({"get", "head"}), READERS),
    "document_file": (frozenset({"get", "head"}), ALL_ROLES),
}
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")


def build_url(name: str, keep: Any) -> str:
    """Return the URL, of an object with data."""
    if name not in ("object_file", "document_file"):
        return reverse(f"storage:{name}")
    content = keep(b"some bytes")
    return reverse(f"storage:{name}", args=[content.pk if name == "object_file" else _document(content)])


def _document(content: Any) -> int:
    return int(factories.make_document(object=content).pk)


def read_status(client: Client, method: str, target: str) -> int:
    answer = getattr(client, method)(target)
    if answer.streaming:
        # Reading to the end closes the file.
        assert b"".join(answer.streaming_content) == b"some bytes"
    return int(answer.status_code)


@pytest.mark.parametrize("name", sorted({str(pattern.name) for pattern in urls.urlpatterns}))
def test_each_url_is_limited_to_its_roles_and_methods(name: str, keep: Any, signed_in: SignIn) -> None:
    methods, readers = EXPECTED[name]
    target = build_url(name, keep)
    clients = {who: signed_in(who) for who in WHO}
    for method in METHODS:
        found = {who: read_status(client, method, target) for who, client in clients.items()}
        if method not in methods:
            # Signed-in users get 405 before the permission is checked.
            assert found == {who: 302 if who == "anonymous" else 405 for who in WHO}, method
        else:
            # An empty form is invalid.
            allowed = 400 if method == "post" else 200
            expected = {who: 302 if who == "anonymous" else allowed if who in readers else 403 for who in WHO}
            assert found == expected, method
    assert not Job.objects.exists()


@pytest.mark.parametrize("name", ["verify", "garbage_collection", "move"])
def test_form_without_csrf_token_is_rejected(name: str, olga: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = olga.cookies
    answer = strict.post(reverse(f"storage:{name}"), {"only": "counts", "sample": 100, "confirm": "on"})
    assert answer.status_code == 403
    assert not Job.objects.exists()


def test_pages_are_not_cached(olga: Client) -> None:
    for name in ("content", "garbage_collection", "move"):
        assert "no-store" in olga.get(reverse(f"storage:{name}"))["Cache-Control"]


@pytest.mark.parametrize(("who", "sees"), [("operator", True), ("analyst", True), ("reviewer", False)])
def test_navigation_links_to_content_for_its_roles(who: str, sees: bool, signed_in: SignIn) -> None:
    assert (reverse("storage:content") in signed_in(who).get(reverse("home")).content.decode()) is sees


def test_numbers_link_to_the_admin_for_staff_only(signed_in: SignIn) -> None:
    factories.make_storage_object()
    client = Client()
    client.force_login(factories.make_user("analyst", is_staff=False))
    page = client.get(reverse("storage:content")).content.decode()
    assert 'href="/admin/' not in page
    assert 'href="/admin/' in signed_in("operator").get(reverse("storage:content")).content.decode()
