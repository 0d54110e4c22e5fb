"""The content page: its numbers match the rows they link to."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from ncfd_site.core import sql
from ncfd_site.jobs.models import Job
from storage.models import StorageObject, StorageTombstone
from storage.overview import AGES, REFERENCES, SIZES, load_overview
from storage.verification import Check, CheckResult, Summary
from tests import factories
from tests.storage.pages.conftest import SignIn
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db


def get_content_page(client: Client) -> Any:
    page = client.get(reverse("storage:content"))
    assert page.status_code == 200
    return page


def create_verification(result: Any) -> Job:
    now = timezone.now()
    return Job.objects.create(
        kind="storage_verify",
        arguments={"only": ["counts"], "sample": 100.0},
        requested_by="olga",
        state=Job.State.DONE,
        started_at=now,
        finished_at=now,
        result=result,
    )


def set_last_used(content: StorageObject, **ago: float) -> None:
    StorageObject.objects.filter(pk=content.pk).update(last_accessed=timezone.now() - timedelta(**ago))


def refer(content: StorageObject, times: int) -> None:
    for number in range(1, times + 1):
        sql.scalar("increment_storage_refcount", content.sha256, content.backend_type, "document", number)


@pytest.fixture
def objects() -> None:
    """Objects of each tier, and of many sizes, ages and counts."""
    for size in (0, 1, 1023, 1024, 10 * 1024 - 1, 10 * 1024, 1024**2 - 1, 1024**2, 50 * 1024**2, 2**40):
        factories.make_storage_object(size_bytes=size)
    for count in (1, 2, 3, 10, 11):
        refer(factories.make_storage_object(), count)
    for days in (29.99, 30.01, 60.01, 90.01, 180.01, 365.01, 4000):
        set_last_used(factories.make_storage_object(), days=days)
    moved = factories.make_storage_object(tier="s3")
    refer(moved, 1)
    factories.make_storage_object(backend_type="s3", tier="s3")


def test_empty_store_shows_how_to_fill_it(olga: Client) -> None:
    page = get_content_page(olga)
    words = text_of(page)
    assert "No objects stored yet." in words
    assert "manage.py load_ctgov" in words
    assert "No maintenance jobs yet." in words
    assert "Reference-count drift unknown not verified yet" in words
    assert "<figure" not in page.content.decode()


def test_numbers_match_the_rows(objects: None) -> None:
    found = load_overview()
    rows = StorageObject.objects.all()
    assert found.total.object_count == rows.count() == 24
    assert found.total.size_bytes == sum(rows.values_list("size_bytes", flat=True))
    assert found.reference_count == sum(rows.values_list("refcount", flat=True)) == 28
    assert set(found.tiers) == {("local", "local"), ("local", "s3"), ("s3", "s3")}
    assert [found.sizes[one].object_count for one in SIZES] == [
        rows.filter(**one.build_filter("size_bytes")).count() for one in SIZES
    ]
    assert [found.by_references[one].object_count for one in REFERENCES] == [
        rows.filter(**one.build_filter("refcount")).count() for one in REFERENCES
    ]
    assert [found.ages[one].object_count for one in AGES] == [12, 1, 1, 1, 1, 2]
    assert found.candidates.object_count == 6


def test_grace_period_is_that_of_the_database_function() -> None:
    content = factories.make_storage_object()
    # Each statement has its own time.
    for days, expected in ((30, 1), (29.999999, 0)):
        set_last_used(content, days=days)
        assert load_overview().candidates.object_count == expected
        assert sql.value("SELECT count(*) FROM get_cleanup_candidates(30, 0)") == expected


def test_each_number_links_to_as_many_rows(objects: None, olga: Client) -> None:
    linked = [bar.item for chart in get_content_page(olga).context["charts"] for bar in chart.bars if bar.item.url]
    assert len(linked) > 20
    for item in linked:
        counted = int(next(cell for cell in item.cells if cell.replace(",", "").isdecimal()))
        page = olga.get(item.url)
        shown = page.context["table"].rows if "gc-candidates" in item.url else page.context["cl"].result_list
        assert len(shown) == counted, item.url


def test_each_chart_has_its_values_in_a_table(objects: None, olga: Client) -> None:
    page = get_content_page(olga)
    figures = re.findall(r"(?s)<figure.*?</figure>", page.content.decode())
    assert len(figures) == 5
    for figure, chart in zip(figures, page.context["charts"], strict=True):
        drawing, table = figure.split("<details>")
        for bar in chart.bars:
            assert escape(bar.item.label) in drawing
            assert escape(bar.item.label) in table
            assert all(f">{cell}<" in table for cell in bar.item.cells)
    assert "grace period (30 days)" in figures[-1]


def test_tombstones_and_the_last_verification_are_shown(olga: Client) -> None:
    now = timezone.now()
    for number, hours in enumerate((-2, -1, 1)):
        StorageTombstone.objects.create(
            storage_uri=f"local://{number:064x}",
            reason="deleted",
            size_bytes=1024,
            delete_after=now + timedelta(hours=hours),
        )
    summary = Summary(
        "2026-01-01T00:00Z",
        1.0,
        0,
        {"counts": CheckResult(9, error_count=2), "presence": CheckResult(9, error_count=1)},
    )
    summary.add_skipped(Check.PRESENCE, "s3", "not set up", 3)
    check = create_verification({"message": "3 <b>errors</b>.", "summary": summary.as_json(), "findings": []})
    # A verification without counts has no drift.
    uncounted = Summary("2026-01-01T00:00Z", 1.0, 0, {"presence": CheckResult(9)})
    create_verification({"message": "No errors found.", "summary": uncounted.as_json(), "findings": []})
    page = get_content_page(olga)
    words = text_of(page)
    assert "Tombstones 3 3.0 KiB, 2 due for deletion" in words
    assert (
        "Reference-count drift 2 wrong counts in the last verification, just now, and 1 other error; incomplete"
        in words
    )
    assert "3 <b>errors</b>." in words
    assert "<b>errors</b>" not in page.content.decode()
    assert reverse("jobs:job", args=[check.pk]) in page.content.decode()


@pytest.mark.parametrize("result", [{}, {"summary": {}}, {"summary": {"checks": {"counts": {"x": 1}}}}, None])
def test_result_of_another_version_is_ignored(result: Any, olga: Client) -> None:
    create_verification(result)
    assert "Reference-count drift unknown" in text_of(get_content_page(olga))


def test_values_are_escaped(olga: Client) -> None:
    hostile = "<script>alert(1)</script>"
    Job.objects.create(kind="storage_gc", arguments={}, requested_by=hostile, error=hostile)
    factories.make_storage_object(storage_uri=hostile, metadata={"content_type": hostile})
    page = get_content_page(olga).content.decode()
    assert hostile not in page
    assert escape(hostile) in page


def test_analyst_sees_no_forms(signed_in: SignIn) -> None:
    page = get_content_page(signed_in("analyst"))
    main = page.content.decode().partition("<main")[2]
    assert "<form" not in main
    assert "Operators start them on this page." in text_of(page)


def test_number_of_queries_is_constant(objects: None, olga: Client, django_assert_num_queries: Any) -> None:
    get_content_page(olga)
    # Session, user, two for permissions; cells, tombstones, jobs, last verification.
    with django_assert_num_queries(8):
        get_content_page(olga)


def test_urls_of_lists_contain_the_filters(objects: None, olga: Client) -> None:
    charts = {chart.name: chart for chart in get_content_page(olga).context["charts"]}
    urls = {bar.item.label: unquote(bar.item.url) for chart in charts.values() for bar in chart.bars}
    assert urls["1 to 10 KiB"].endswith("?size=1k-10k")
    assert urls["3 to 10 references"].endswith("?references=3-10")
    assert urls["30 to 60 days"].endswith("?max_age_days=30&under_days=60")
    assert urls["S3, backend local"].endswith("?backend_type=local&tier__exact=s3")
