"""Keyset pagination: no row twice, none lost, and the last page is as fast as the first."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ncfd_site.core import sql
from signals.models import Trial, TrialCurrentScore
from tests.api.rows import make_score
from tests.factories import make_document, make_link_audit, make_trial

pytestmark = pytest.mark.django_db
SCORES = ["0.97000", "0.50000", "0.50000", "0.50000", "0.20000", None, None]
SORTS = ["risk", "change", "readout", "number"]
READOUTS = ["2027-01-01", None, "2027-01-01", "2026-12-01", None, "2028-01-01", "2027-01-01"]


def walk(program: Client, address: str, between: Callable[[], Any] = lambda: None) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    following: str | None = address
    while following:
        answer = program.get(following)
        assert answer.status_code == 200, answer.content
        items += answer.json()["items"]
        following = answer.json()["next"]
        assert following is None or urlsplit(following).netloc == "testserver"
        between()
    return items


@pytest.fixture
def trials() -> list[Trial]:
    """Trials with all that makes an order hard: the same probability, none, the same day, none."""
    made = [make_trial(est_primary_completion_date=day) for day in READOUTS]
    for trial, p_fail in zip(made, SCORES, strict=True):
        if p_fail:
            make_score(trial, "0.40000", "run-1")
            make_score(trial, p_fail, "run-2", days=7)
    return made


@pytest.mark.parametrize("limit", [1, 2, 3, 200])
@pytest.mark.parametrize(
    ("sort", "run"),
    [*((sort, "") for sort in SORTS), *((sort, "run-2") for sort in SORTS if sort != "change")],
)
def test_a_walk_meets_every_trial_once_and_in_the_order_of_one_page(
    ana: Client, trials: list[Trial], sort: str, limit: int, run: str
) -> None:
    whole = ana.get(f"/api/v1/trials?sort={sort}&limit=200&run={run}").json()
    walked = walk(ana, f"/api/v1/trials?sort={sort}&limit={limit}&run={run}")
    assert walked == whole["items"]
    assert len({item["nct_id"] for item in walked}) == (5 if run else 7)
    assert whole["next"] is None


@pytest.mark.parametrize("sort", SORTS)
def test_the_way_back_is_the_way_there_without_what_has_no_value(ana: Client, trials: list[Trial], sort: str) -> None:
    value = {"risk": "p_fail", "change": "change", "readout": "next_readout", "number": "nct_id"}[sort]
    there = [item for item in walk(ana, f"/api/v1/trials?sort={sort}&limit=2") if item[value] is not None]
    assert walk(ana, f"/api/v1/trials?sort=-{sort}&limit=2") == there[::-1]


def test_what_has_no_value_comes_last(ana: Client, trials: list[Trial]) -> None:
    numbers = [item["p_fail"] for item in walk(ana, "/api/v1/trials?limit=2")]
    assert numbers == [0.97, 0.5, 0.5, 0.5, 0.2, None, None]
    days = [item["next_readout"] for item in walk(ana, "/api/v1/trials?limit=2&sort=readout")]
    assert days[-2:] == [None, None]
    assert days[:-2] == sorted(days[:-2])


def test_rows_that_come_meanwhile_lose_nothing_and_repeat_nothing(ana: Client, trials: list[Trial]) -> None:
    probabilities = itertools.cycle(["0.97000", "0.50000", "0.10000"])

    def another() -> None:
        if Trial.objects.count() < 20:
            make_score(make_trial(), next(probabilities), "run-2", days=7)

    walked = [item["nct_id"] for item in walk(ana, "/api/v1/trials?limit=2", another)]
    assert len(walked) == len(set(walked))
    assert {trial.nct_id for trial in trials} <= set(walked)


def test_rows_that_go_meanwhile_lose_no_other(ana: Client) -> None:
    made = [make_document("text") for _ in range(5)]
    first = ana.get("/api/v1/documents?limit=2").json()
    made[3].text_pages.all().delete()
    made[3].delete()  # the last one of the first page, where the second one begins
    rest = walk(ana, first["next"])
    assert [item["doc_id"] for item in rest] == [made[2].pk, made[1].pk, made[0].pk]


@pytest.mark.parametrize("sort", ["audit_id", "-audit_id", "confidence", "-confidence"])
def test_links_are_walked_in_each_order(ana: Client, sort: str) -> None:
    for confidence in ("0.95", "0.95", "1.00", "0.85", "0.95"):
        make_link_audit(confidence=confidence)
    whole = ana.get(f"/api/v1/links?sort={sort}").json()["items"]
    assert walk(ana, f"/api/v1/links?sort={sort}&limit=1") == whole
    assert len(whole) == 5


def test_a_cursor_goes_with_its_own_list_and_filters(ana: Client, trials: list[Trial]) -> None:
    following = ana.get("/api/v1/trials?limit=1").json()["next"]
    cursor = following.partition("cursor=")[2]
    for address in ("trials?sort=number&", "trials?phase=PHASE2&", "documents?"):
        answer = ana.get(f"/api/v1/{address}cursor={cursor}")
        assert (answer.status_code, answer.json()["where"]) == (400, "cursor")
    assert ana.get(f"/api/v1/trials?limit=5&cursor={cursor}").status_code == 200


def test_the_same_page_has_the_same_address_and_tag(ana: Client, trials: list[Trial]) -> None:
    first, second = (ana.get("/api/v1/trials?limit=1") for _ in range(2))
    assert first.json()["next"] == second.json()["next"]
    assert first["ETag"] == second["ETag"]


def test_no_page_counts_or_skips(ana: Client, trials: list[Trial]) -> None:
    second = ana.get("/api/v1/trials?limit=2").json()["next"]
    with CaptureQueriesContext(connection) as queries:
        ana.get(second)
    statements = " ".join(query["sql"].upper() for query in queries.captured_queries)
    assert "OFFSET" not in statements
    assert "COUNT(" not in statements


def test_a_deep_page_reads_no_more_than_its_rows(ana: Client) -> None:
    """Most trials without a gate have the very same probability: a page among them must not begin at their first."""
    Trial.objects.bulk_create(
        Trial(nct_id=f"NCT{number:08}", is_pivotal=False, last_seen_at="2026-01-01T00:00Z") for number in range(3000)
    )
    TrialCurrentScore.objects.update(p_fail="0.42000")
    sql.execute("ANALYZE trial_current_scores")
    following = ana.get("/api/v1/trials?limit=200").json()["next"]
    for _ in range(8):
        following = ana.get(following).json()["next"]
    with CaptureQueriesContext(connection) as queries:
        assert len(ana.get(following).json()["items"]) == 200
    (page,) = [query["sql"] for query in queries.captured_queries if 'FROM "trial_current_scores"' in query["sql"]]
    plan = sql.value(f"EXPLAIN (ANALYZE, FORMAT JSON) {page}")[0]["Plan"]
    scan = next(node for node in _nodes(plan) if node.get("Relation Name") == "trial_current_scores")
    assert "Index" in scan["Node Type"]
    assert scan["Actual Rows"] <= 201
    assert not scan.get("Rows Removed by Filter")


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)
