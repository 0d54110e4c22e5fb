"""The first page, for each group."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from ncfd_site.roles import Role
from tests.factories import make_link_audit, make_user
from tests.pages.reading import text_of

pytestmark = pytest.mark.django_db


def test_a_reviewer_sees_what_waits_and_starts_from_there(client: Client) -> None:
    client.force_login(make_user())
    make_link_audit(label=True)
    first = make_link_audit()
    make_link_audit()
    page = client.get("/")
    words = text_of(page)
    assert "What waits for you" in words
    assert "HP-2 2 1 1.0000 Not met" in words
    assert f'href="/links/{first.pk}/"' in page.content.decode()
    assert "Storage objects" not in words


def test_when_all_is_labelled_it_says_so(client: Client) -> None:
    client.force_login(make_user())
    make_link_audit(label=True)
    assert "Every link is labelled." in text_of(client.get("/"))


def test_without_links_it_says_what_brings_them(client: Client) -> None:
    client.force_login(make_user())
    assert "manage.py load_ctgov PATH" in text_of(client.get("/"))


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ANALYST])
def test_who_does_not_label_sees_where_things_stand(client: Client, role: Role) -> None:
    client.force_login(make_user(role))
    make_link_audit()
    words = text_of(client.get("/"))
    assert "Where things stand" in words
    assert "Review the first open link" not in words
    assert "Storage objects" in words
    assert "Trials" in words


def test_a_person_of_no_group_is_told_whom_to_ask(client: Client) -> None:
    client.force_login(make_user(None, is_staff=False))
    make_link_audit()
    words = text_of(client.get("/"))
    assert "nobody is in no group yet" in words
    assert "HP-2" not in words


def test_the_number_of_queries_does_not_grow(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    client.force_login(make_user())
    for name in ("HP-1", "HP-2", "HP-3"):
        make_link_audit(heuristic_applied=name)
    client.get("/")
    # Session, person, two for permissions, two for heuristics, the first open link.
    with django_assert_num_queries(8):
        client.get("/")
