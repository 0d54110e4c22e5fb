"""Pages of precision: breakdowns, wrong links, label sources, samples and access."""

import re
from datetime import UTC, datetime

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from linkaudit.sampling.services import Purpose
from ncfd_site.core.roles import Role
from tests.factories import make_link_audit, make_user
from tests.linkaudit.reviewing import decide_first, make_open_links, make_sample
from tests.linkaudit.test_heuristic_precision import make_links
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def rita(client: Client) -> Client:
    client.force_login(make_user())
    return client


def test_breakdowns_by_confidence_link_type_and_month(rita: Client) -> None:
    january, march = datetime(2026, 1, 31, 23, 59, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    make_open_links("HP-1", 3, label=True, confidence="0.49", created_at=january)
    make_open_links("HP-1", 1, label=False, confidence="0.50", created_at=january)
    make_open_links("HP-1", 2, label=True, confidence="1.00", created_at=march, link_type="reports_trial")
    make_open_links("HP-1", 9, created_at=march)
    found = rita.get("/heuristics/HP-1.json").json()

    def read(name: str) -> list[tuple[str, int, int]]:
        return [(line["name"], line["correct_links"], line["reviewed_links"]) for line in found[name]]

    assert read("by_confidence") == [("under 0.50", 3, 3), ("0.50 to 0.69", 0, 1), ("0.90 to 1.00", 2, 2)]
    assert read("by_link_type") == [("reports trial", 2, 2), ("x", 3, 4)]
    assert read("by_month") == [("2026-01", 3, 4), ("2026-03", 2, 2)]
    words = text_of(rita.get("/heuristics/HP-1/"))
    for line in ("under 0.50 3 0 3 1.0000", "0.50 to 0.69 0 1 1 0.0000", "2026-01 3 1 4 0.7500", "x 3 1 4 0.7500"):
        assert line in words


def test_shape_shows_the_position_of_the_interval(rita: Client) -> None:
    make_links("above", right=200)
    make_links("across", right=57, wrong=3)
    make_links("below", right=10, wrong=90)
    html = rita.get("/heuristics/").content.decode()
    assert re.findall(r'class="dot (\w+)"', html) == ["above", "across", "below"]
    assert html.count('class="mark"') == 1
    assert "style=" not in html


def test_wrong_links_are_paged_newest_first(rita: Client) -> None:
    numbers = [
        make_link_audit(heuristic_applied="HP-1", label=False, reviewed_at=datetime(2026, 1, day, tzinfo=UTC)).pk
        for day in range(1, 23)
    ]

    def listed(query: str) -> list[int]:
        html = rita.get(f"/heuristics/HP-1/{query}").content.decode()
        return [int(number) for number in re.findall(r'class="row-link" href="/links/(\d+)/"', html)]

    assert listed("") == numbers[:1:-1]
    assert listed("?wrong=2") == numbers[1::-1]
    assert listed("?wrong=3") == []
    assert listed("?wrong=x") == numbers[:1:-1]
    assert 'href="?wrong=2#wrong-heading"' in rita.get("/heuristics/HP-1/").content.decode()


def test_label_sources(rita: Client) -> None:
    make_open_links("HP-1", 100)
    decide_first(make_sample(), 10, {1: "wrong"})
    make_open_links("HP-1", 5, label=True, label_source="gold_standard")
    make_open_links("HP-1", 3, promotion_status="promoted")
    decide_first(make_sample(purpose=Purpose.PROMOTED), 3)
    words = text_of(rita.get("/heuristics/HP-1/"))
    assert "human review review queue yes 9 1" in words
    assert "human review review queue no 3 0" in words
    assert "gold standard SQL of another program no 5 0" in words


def test_samples_show_their_progress(rita: Client) -> None:
    make_open_links("HP-1", 200)
    sample = make_sample(size=50, seed=77)
    decide_first(sample, 12, {3: "wrong", 4: "unsure"})
    words = text_of(rita.get("/heuristics/HP-1/"))
    assert "seed 77" in words
    assert "50 of 200" in words
    assert "11 of 50 10 right, 1 wrong, 1 disputed, 38 open" in words


def test_query_count_is_independent_of_links_and_samples(
    rita: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for name in ("HP-1", "HP-2", "HP-3"):
        make_open_links(name, 210, label=None)
        make_links(name, right=30, wrong=5)
        for seed in (1, 2):
            decide_first(make_sample(name, size=100, seed=seed), 20, {5: "wrong"})
    rita.get("/heuristics/")
    # Session, user, two for permissions; names, statuses, sample ids, samples, outcomes, analyses.
    with django_assert_num_queries(10):
        rita.get("/heuristics/")
    # One status instead of names and statuses; breakdowns, sources, wrong links, promoted wrong links.
    with django_assert_num_queries(13):
        rita.get("/heuristics/HP-1/")
    # One more for the counts of the window.
    with django_assert_num_queries(14):
        rita.get("/heuristics/HP-1/?from=2020-01-01")


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("address", ["/heuristics/", "/heuristics/HP-1/", "/heuristics.json", "/heuristics/HP-1.json"])
def test_roles_that_view_links_view_precision(client: Client, role: Role, address: str) -> None:
    make_links("HP-1", right=1)
    client.force_login(make_user(role))
    page = client.get(address)
    assert page.status_code == 200
    assert "no-store" in page.headers["Cache-Control"]
    assert client.post(address).status_code == 405


@pytest.mark.parametrize("address", ["/heuristics/", "/heuristics/HP-1/", "/heuristics.json", "/heuristics/HP-1.json"])
def test_other_users_are_refused(client: Client, address: str) -> None:
    make_links("HP-1", right=1)
    assert client.get(address).status_code == 302
    client.force_login(make_user(None))
    assert client.get(address).status_code == 403


@pytest.mark.parametrize("name", ["HP-9", "%00"])
def test_unknown_heuristic_is_not_found(rita: Client, name: str) -> None:
    assert rita.get(f"/heuristics/{name}.json").status_code == 404
