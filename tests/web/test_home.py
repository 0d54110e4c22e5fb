"""The first page, for each group; its tiles have tests of their own in tests/dashboard."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from ncfd_site.core.roles import Role
from tests.factories import make_link_audit, make_user
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db


def test_a_reviewer_sees_what_waits_and_starts_from_there(client: Client) -> None:
    client.force_login(make_user())
    make_link_audit(label=True)
    first = make_link_audit()
    make_link_audit()
    page = client.get("/")
    words = text_of(page)
    assert "What waits for you" in words
    assert "Review the first open link" in words
    assert f'href="/links/{first.pk}/"' in page.content.decode()
    assert "Storage objects" not in words


def test_when_all_is_labelled_it_says_so(client: Client) -> None:
    client.force_login(make_user())
    make_link_audit(label=True)
    assert "Every link is labelled" in text_of(client.get("/"))


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ANALYST])
def test_who_does_not_label_sees_where_things_stand(client: Client, role: Role) -> None:
    client.force_login(make_user(role))
    make_link_audit()
    words = text_of(client.get("/"))
    assert "Where things stand" in words
    assert "Review the first open link" not in words
    assert "Storage objects" in words
    assert "Trials by risk" in words


def test_a_person_of_no_group_is_told_whom_to_ask(client: Client) -> None:
    client.force_login(make_user(None, is_staff=False))
    make_link_audit()
    page = client.get("/")
    assert "nobody is in no group yet" in text_of(page)
    assert "board-tile" not in page.content.decode()


def test_without_the_staff_flag_no_link_leads_to_the_admin(client: Client) -> None:
    client.force_login(make_user(Role.ANALYST, is_staff=False))
    assert 'href="/admin/' not in client.get("/").content.decode()


@pytest.mark.parametrize("role", list(Role))
def test_the_number_of_queries_is_small_and_does_not_grow(
    client: Client, role: Role, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.force_login(make_user(role))
    for name in ("HP-1", "HP-2", "HP-3"):
        make_link_audit(heuristic_applied=name)
    client.get("/")
    # Session, person, two for permissions; all tiles in one statement, with its limits, in a transaction of its own,
    # two more. The navigation counts the disagreements for an adjudicator.
    with django_assert_num_queries(9 if role is Role.ADJUDICATOR else 8):
        client.get("/")
