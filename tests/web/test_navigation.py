"""Groups of the navigation, roles in the account menu, the style guide, and the tasks of the admin index."""

import re

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from ncfd_site.core.roles import Role
from tests.factories import make_user
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db


def read_menus(html: str) -> dict[str, list[str]]:
    """Return the links of each group, as the wide header has them."""
    navigation = html.partition('aria-label="Site"')[2].partition("</nav>")[0]
    return {
        re.findall(r"<summary[^>]*>([A-Za-z]+)", menu)[0]: re.findall(r'<a href="[^"]+"[^>]*>([^<]+?)(?: <|<)', menu)
        for menu in navigation.split("<details")[1:]
    }


@pytest.mark.parametrize(
    ("role", "menus"),
    [
        (Role.REVIEWER, {
            "Analyze": ["Trials", "Compare runs", "Companies", "Unresolved sponsors", "Activity", "Validation errors"],
            "Review": ["Review", "My reviews", "Links", "Heuristics", "Promotions"],
        }),
        (Role.ANALYST, {
            "Analyze": ["Trials", "Compare runs", "Companies", "Unresolved sponsors", "Activity", "Validation errors"],
            "Review": ["Links", "Heuristics", "Promotions", "Agreement"],
            "Operate": ["Content", "Jobs", "Schedule", "Schema"],
        }),
    ],
)  # fmt: skip
def test_groups_have_the_pages_that_the_role_may_open(client: Client, role: Role, menus: dict[str, list[str]]) -> None:
    client.force_login(make_user(role))
    assert read_menus(client.get("/").content.decode()) == menus


def test_the_page_and_its_group_are_marked(client: Client) -> None:
    client.force_login(make_user(Role.ANALYST))
    for address, group, page in (
        ("/companies/", "Analyze", "Companies"),
        ("/trials/compare/", "Analyze", "Compare runs"),
    ):
        html = client.get(address).content.decode()
        assert re.findall(r'<summary class="is-current">(\w+)', html) == [group]
        # Once in the header and once in the menu of narrow windows.
        assert re.findall(r'aria-current="true">([^<]+)</a>', html) == [page, page]


@pytest.mark.parametrize(
    ("roles", "shown"),
    [
        ([Role.REVIEWER], "reviewer"),
        ([Role.ADJUDICATOR, Role.REVIEWER], "adjudicator"),
        ([Role.REVIEWER, Role.OPERATOR], "reviewer, operator"),
        ([], "no role"),
    ],
)
def test_the_account_menu_names_user_and_roles(client: Client, roles: list[Role], shown: str) -> None:
    user = make_user(roles[0] if roles else Role.REVIEWER)
    user.groups.set(Group.objects.filter(name__in=roles))
    client.force_login(user)
    assert f"Signed in as {user.username} {shown}" in text_of(client.get("/"))


def test_a_superuser_is_an_administrator(client: Client, admin_client: Client) -> None:
    assert "Signed in as admin administrator" in text_of(admin_client.get("/"))


def test_the_search_of_the_header_is_on_every_page(client: Client) -> None:
    client.force_login(make_user(Role.ANALYST))
    html = client.get("/jobs/").content.decode()
    assert re.findall(r'<form class="site-search" action="([^"]+)" role="search"', html) == ["/search/", "/search/"]


def test_visitors_read_what_ncfd_is(client: Client) -> None:
    page = text_of(client.get("/accounts/login/"))
    assert "Near-certain failure detector" in page
    assert "watches the pivotal clinical trials of US-listed biotech companies" in page


def test_the_style_guide_is_for_staff(client: Client) -> None:
    user = make_user()
    client.force_login(user)
    user.is_staff = False
    user.save()
    refused = client.get("/styleguide/")
    assert refused.status_code == 403
    assert "The style guide is for staff." in text_of(refused)
    assert 'href="/styleguide/"' not in refused.content.decode()
    user.is_staff = True
    user.save()
    page = client.get("/styleguide/")
    assert page.status_code == 200
    html = page.content.decode()
    assert html.count('class="risk is-prior"') == 1
    assert [band for band in range(1, 6) if f'class="value risk-{band}"' not in html] == []
    assert 'href="/styleguide/"' in html


def test_the_admin_index_has_the_tables_by_task(client: Client) -> None:
    client.force_login(make_user(Role.OPERATOR))
    html = client.get("/admin/").content.decode()
    tasks = re.findall(r'<h2 id="task-(\w+)">|<div class="app-(\w+) module', html)
    assert [task or f"  {app}" for task, app in tasks] == [
        "analyze", "  signals", "  securities", "review", "  linkaudit", "operate", "  storage", "  jobs", "  schema",
        "access", "  api",
    ]  # fmt: skip
