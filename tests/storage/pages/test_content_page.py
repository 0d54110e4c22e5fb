"""The page of all content: its numbers are those of the rows that they lead to."""

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
from storage.buckets import AGES, REFERENCES, SIZES
from storage.models import StorageObject, StorageTombstone
from storage.overview import overview
from storage.verification import Check, Checked, Summary
from tests import factories
from tests.storage.pages.conftest import SignIn
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db


def content_page(client: Client) -> Any:
    page = client.get(reverse("storage:content"))
    assert page.status_code == 200
    return page


def ended_check(result: Any) -> Job:
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


def used(content: StorageObject, **ago: float) -> None:
    StorageObject.objects.filter(pk=content.pk).update(last_accessed=timezone.now() - timedelta(**ago))


def refer(content: StorageObject, times: int) -> None:
    for number in range(1, times + 1):
        sql.scalar("increment_storage_refcount", content.sha256, content.backend_type, "document", number)


@pytest.fixture
def harnesses() -> None:
    """Content in each place, of many sizes, ages and counts."""
    for size in (0, 1, 1023, 1024, 10 * 1024 - 1, 10 * 1024, 1024**2 - 1, 1024**2, 50 * 1024**2, 2**40):
        factories.make_storage_object(size_bytes=size)
    for count in (1, 2, 3, 10, 11):
        refer(factories.make_storage_object(), count)
    for days in (29.99, 30.01, 60.01, 90.01, 180.01, 365.01, 4000):
        used(factories.make_storage_object(), days=days)
    moved = factories.make_storage_object(tier="s3")
    refer(moved, 1)
    factories.make_storage_object(backend_type="s3", tier="s3")


def test_an_empty_store_says_what_fills_it(olga: Client) -> None:
    page = content_page(olga)
    words = text_of(page)
    assert "No content is kept yet" in words
    assert "manage.py load_ctgov" in words
    assert "No check, cleaning or move was started here yet." in words
    assert "Drift not known no check has counted yet" in words
    assert "<figure" not in page.content.decode()


def test_the_numbers_are_those_of_the_rows(harnesses: None) -> None:
    found = overview()
    rows = StorageObject.objects.all()
    assert found.total.contents == rows.count() == 24
    assert found.total.size_bytes == sum(rows.values_list("size_bytes", flat=True))
    assert found.references == sum(rows.values_list("refcount", flat=True)) == 28
    assert set(found.places) == {("local", "local"), ("local", "s3"), ("s3", "s3")}
    assert [found.sizes[one].contents for one in SIZES] == [
        rows.filter(**one.condition("size_bytes")).count() for one in SIZES
    ]
    assert [found.by_references[one].contents for one in REFERENCES] == [
        rows.filter(**one.condition("refcount")).count() for one in REFERENCES
    ]
    assert [found.ages[one].contents for one in AGES] == [12, 1, 1, 1, 1, 2]
    assert found.candidates.contents == 6


def test_the_edge_of_an_age_is_that_of_the_function() -> None:
    content = factories.make_storage_object()
    # Within one transaction, but not within one statement, time goes on.
    for days, expected in ((30, 1), (29.999999, 0)):
        used(content, days=days)
        assert overview().candidates.contents == expected
        assert sql.value("SELECT count(*) FROM get_cleanup_candidates(30, 0)") == expected


def test_every_number_leads_to_as_many_rows(harnesses: None, olga: Client) -> None:
    drawn = [bar.item for chart in content_page(olga).context["charts"] for bar in chart.bars if bar.item.url]
    assert len(drawn) > 20
    for line in drawn:
        counted = int(next(cell for cell in line.cells if cell.replace(",", "").isdecimal()))
        page = olga.get(line.url)
        shown = page.context["table"].rows if "cleanup" in line.url else page.context["cl"].result_list
        assert len(shown) == counted, line.url


def test_every_chart_has_its_values_in_a_table(harnesses: None, olga: Client) -> None:
    page = content_page(olga)
    figures = re.findall(r"(?s)<figure.*?</figure>", page.content.decode())
    assert len(figures) == 5
    for figure, chart in zip(figures, page.context["charts"], strict=True):
        drawing, table = figure.split("<details>")
        for bar in chart.bars:
            assert escape(bar.item.label) in drawing
            assert escape(bar.item.label) in table
            assert all(f">{cell}<" in table for cell in bar.item.cells)
    assert "30 days of grace are over: candidates for cleaning" in figures[-1]


def test_tombstones_and_the_last_check_are_told(olga: Client) -> None:
    now = timezone.now()
    for number, hours in enumerate((-2, -1, 1)):
        StorageTombstone.objects.create(
            storage_uri=f"local://{number:064x}",
            reason="deleted",
            size_bytes=1024,
            delete_after=now + timedelta(hours=hours),
        )
    summary = Summary("2026-01-01T00:00Z", 1.0, 0, {"counts": Checked(9, findings=2), "bytes": Checked(9, findings=1)})
    summary.miss(Check.BYTES, "s3", "not set up", 3)
    check = ended_check({"words": "3 <b>things</b> are wrong.", "summary": summary.as_json(), "findings": []})
    # One that did not count tells nothing of drift.
    uncounted = Summary("2026-01-01T00:00Z", 1.0, 0, {"bytes": Checked(9)})
    ended_check({"words": "Nothing is wrong.", "summary": uncounted.as_json(), "findings": []})
    page = content_page(olga)
    words = text_of(page)
    assert "Tombstones 3 3.0 KiB wait to be deleted, 2 of them now" in words
    assert (
        "Drift 2 counts wrong at the last check, just now, and 1 other thing; not everything could be checked" in words
    )
    assert "3 <b>things</b> are wrong." in words
    assert "<b>things</b>" not in page.content.decode()
    assert reverse("jobs:job", args=[check.pk]) in page.content.decode()


@pytest.mark.parametrize("result", [{}, {"summary": {}}, {"summary": {"checks": {"counts": {"x": 1}}}}, None])
def test_a_result_that_another_version_wrote_tells_nothing_of_drift(result: Any, olga: Client) -> None:
    ended_check(result)
    assert "Drift not known" in text_of(content_page(olga))


def test_what_stands_in_rows_is_written_as_text(olga: Client) -> None:
    hostile = "<script>alert(1)</script>"
    Job.objects.create(kind="storage_gc", arguments={}, requested_by=hostile, error=hostile)
    factories.make_storage_object(storage_uri=hostile, metadata={"content_type": hostile})
    page = content_page(olga).content.decode()
    assert hostile not in page
    assert escape(hostile) in page


def test_an_analyst_reads_and_has_no_forms(signed_in: SignIn) -> None:
    page = content_page(signed_in("analyst"))
    main = page.content.decode().partition("<main")[2]
    assert "<form" not in main
    assert "Operators start them on this page." in text_of(page)


def test_the_page_makes_as_many_queries_with_much_content_as_with_little(
    harnesses: None, olga: Client, django_assert_num_queries: Any
) -> None:
    content_page(olga)
    # Session, person, two of permissions; the grid, the tombstones, the jobs, the last check.
    with django_assert_num_queries(8):
        content_page(olga)


def test_addresses_of_lists_say_what_they_show(harnesses: None, olga: Client) -> None:
    charts = {chart.name: chart for chart in content_page(olga).context["charts"]}
    lines = {bar.item.label: unquote(bar.item.url) for chart in charts.values() for bar in chart.bars}
    assert lines["1 to 10 KiB"].endswith("?size=1k-10k")
    assert lines["3 to 10 references"].endswith("?references=3-10")
    assert lines["30 to 60 days"].endswith("?max_age_days=30&under_days=60")
    assert lines["S3, of backend local"].endswith("?backend_type=local&tier__exact=s3")
