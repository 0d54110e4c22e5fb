"""The home page for each group; `tests/dashboard` has the tiles."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from ncfd_site.core.roles import Role
from tests.factories import make_link_audit, make_user
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db


def test_a_reviewer_has_a_primary_action(client: Client) -> None:
    client.force_login(make_user())
    make_link_audit(label=True)
    first = make_link_audit()
    make_link_audit()
    page = client.get("/")
    words = text_of(page)
    assert "Review the first open link" in words
    assert f'href="/links/{first.pk}/"' in page.content.decode()
    assert "Storage objects" not in words


def test_a_reviewer_without_open_links(client: Client) -> None:
    client.force_login(make_user())
    make_link_audit(label=True)
    assert "Every link is labeled" in text_of(client.get("/"))


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ANALYST])
def test_other_roles_see_an_overview(client: Client, role: Role) -> None:
    client.force_login(make_user(role))
    make_link_audit()
    words = text_of(client.get("/"))
    assert "Review the first open link" not in words
    assert "Storage objects" in words
    assert "Trials by risk" in words


def test_a_user_without_a_group_sees_no_tiles(client: Client) -> None:
    client.force_login(make_user(None, is_staff=False))
    make_link_audit()
    page = client.get("/")
    assert "guest has no group yet" in text_of(page)
    assert "board-tile" not in page.content.decode()


def test_only_staff_see_links_to_the_admin(client: Client) -> None:
    client.force_login(make_user(Role.ANALYST, is_staff=False))
    assert 'href="/admin/' not in client.get("/").content.decode()


@pytest.mark.parametrize("role", list(Role))
def test_the_number_of_queries_is_constant(
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
