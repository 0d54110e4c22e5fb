"""The pages of content in a real browser: width, keyboard, paper, and that content is never a page of ours."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from ncfd_site.jobs.models import Job
from storage.content import get_content_store
from storage.models import StorageObject, StorageTombstone
from tests.browser.conftest import sign_in
from tests.factories import make_document, make_storage_object, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG = "a-name-that-does-not-end-" * 8
TAKEN_OVER = b"<script>document.title = 'taken over'</script><h1>taken over</h1>"
DRAWING = (
    b'<svg xmlns="http://www.w3.org/2000/svg" onload="document.title = \'taken over\'"><text>taken over</text></svg>'
)


@pytest.fixture
def keep(settings: Any, tmp_path: Path) -> Callable[[bytes], StorageObject]:
    """Keep bytes, and return the row that names them."""
    settings.CONTENT_ROOT = tmp_path / "content"

    def kept(content: bytes) -> StorageObject:
        stored = get_content_store().put(content)
        return make_storage_object(content, storage_uri=stored.uri, metadata={"content_type": "text/html"})

    return kept


@pytest.fixture
def content(keep: Callable[[bytes], StorageObject]) -> StorageObject:
    """Content of which much is told, beside some that may be cleaned; olga operates."""
    make_user(Role.OPERATOR)
    row = keep(TAKEN_OVER)
    document = make_document(publisher=LONG, source_url=f"https://example.com/{LONG}", object=row)
    for kind, key in (("document", document.pk), ("study", 10**17), ("x" * 50, 2**62)):
        sql.scalar("increment_storage_refcount", row.sha256, "local", kind, key)
    for tier in ("local", "s3"):
        make_storage_object(tier=tier, size_bytes=2**50)
    sql.execute("UPDATE storage_objects SET last_accessed = now() - interval '40 days' WHERE refcount = 0")
    StorageTombstone.objects.create(storage_uri=f"s3://{row.sha256}", reason="moved", delete_after=timezone.now())
    Job.objects.create(kind="storage_gc", arguments={}, requested_by=LONG, step=LONG, unit="contents", total=10)
    return row


@pytest.mark.parametrize("width", [360, 640, 1280])
def test_the_page_is_never_wider_than_the_window(page: Page, content: StorageObject, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    sign_in(page, "olga", "/content/")
    for address in (
        "/content/",
        "/content/clean/?grace_days=10&most_percent=100",
        "/content/move/",
        f"/admin/storage/storageobject/{content.pk}/change/",
        "/admin/storage/storageobject/cleanup/",
        "/admin/storage/storagetombstone/",
        "/admin/storage/storageevent/",
    ):
        page.goto(address)
        for summary in page.locator("main summary").all():
            summary.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        small = page.evaluate(
            """() => [...document.querySelectorAll("main :is(button, select, summary, input)")]
                .filter((element) => element.offsetParent && element.getBoundingClientRect().height < 24)
                .map((element) => element.outerHTML)"""
        )
        assert address.startswith("/admin/") or small == [], address


def test_words_of_a_chart_stay_within_it(page: Page, content: StorageObject) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    sign_in(page, "olga", "/content/")
    outside = page.evaluate(
        """() => [...document.querySelectorAll(".bars text")].filter((text) =>
            text.getBoundingClientRect().right > text.closest("svg").getBoundingClientRect().right + 1
            || text.getBoundingClientRect().left < text.closest("svg").getBoundingClientRect().left - 1)
            .map((text) => text.textContent)"""
    )
    assert outside == []


@pytest.mark.parametrize("bytes_of_a_page", [TAKEN_OVER, DRAWING], ids=["HTML", "SVG"])
def test_content_is_downloaded_and_never_shown(
    page: Page, content: StorageObject, keep: Callable[[bytes], StorageObject], bytes_of_a_page: bytes
) -> None:
    row = content if bytes_of_a_page == TAKEN_OVER else keep(bytes_of_a_page)
    sign_in(page, "olga", f"/admin/storage/storageobject/{row.pk}/change/")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download").click()
    assert downloading.value.suggested_filename == f"{row.sha256[:16]}.html"
    assert Path(downloading.value.path()).read_bytes() == bytes_of_a_page
    expect(page).to_have_url(re.compile(r"/change/$"))
    assert "taken over" not in page.title()
    # Nor inside of a page of ours, where somebody managed to write into one.
    page.evaluate("address => { const image = new Image(); image.src = address; document.body.append(image) }",
                  f"/content/{row.pk}/file/")  # fmt: skip
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.images[document.images.length - 1].naturalWidth") == 0


def test_a_reviewer_downloads_a_document_from_its_page(page: Page, content: StorageObject) -> None:
    make_user(Role.REVIEWER)
    document = make_document(object=content, content_type="application/json")
    sign_in(page, "rita", f"/admin/storage/document/{document.pk}/change/")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download").click()
    assert Path(downloading.value.path()).read_bytes() == TAKEN_OVER
    assert downloading.value.suggested_filename.endswith(".json")


def test_a_reference_is_not_released_before_somebody_said_why(page: Page, content: StorageObject) -> None:
    sign_in(page, "olga", f"/admin/storage/storageobject/{content.pk}/change/")
    release = page.get_by_role("button", name=re.compile("^Release study"))
    release.click()
    assert page.evaluate("document.activeElement.id") == "release-reason"
    assert content.references.count() == 3
    page.get_by_label("Reason for releasing").fill("It was counted by mistake")
    release.click()
    expect(page.locator(".messagelist")).to_contain_text("Released the reference of study")
    expect(page.locator("main")).to_contain_text("It was counted by mistake")
    assert content.references.count() == 2


def test_a_check_is_started_by_keyboard(page: Page, content: StorageObject) -> None:
    sign_in(page, "olga", "/content/")
    page.get_by_label("counts against references").focus()
    for _ in range(5):
        page.keyboard.press("Tab")
    expect(page.get_by_label("Share of the contents to look at, in percent")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("50")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/jobs/\d+/$"))
    assert Job.objects.filter(kind="storage_verify", arguments__sample=50).count() == 1


def test_numbers_of_a_chart_are_reached_by_keyboard(page: Page, content: StorageObject) -> None:
    sign_in(page, "olga", "/content/")
    page.get_by_role("link", name=re.compile("30 to 60 days")).first.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/cleanup/\?max_age_days=30&under_days=60"))
    expect(page.locator("main")).to_contain_text("2 candidates")


def test_a_cleaning_asks_before_it_is_started(page: Page, content: StorageObject) -> None:
    Job.objects.all().delete()
    sign_in(page, "olga", "/content/")
    page.get_by_label("Refuse to delete more than, in percent of all contents").fill("100")
    page.get_by_role("button", name="See what would go").click()
    expect(page.locator("main")).to_contain_text("2 of 3 contents would go")
    page.get_by_role("button", name="Clean", exact=True).click()
    # The browser holds it back: the box is not ticked.
    expect(page).to_have_url(re.compile("/content/clean/"))
    assert not Job.objects.exists()
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Clean", exact=True).click()
    expect(page).to_have_url(re.compile(r"/jobs/\d+/$"))
    assert Job.objects.get().arguments["most_percent"] == 100


def test_on_paper_there_are_numbers_and_nothing_to_press(page: Page, content: StorageObject) -> None:
    sign_in(page, "olga", "/content/")
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", name="Contents by size")).to_be_visible()
    expect(page.locator(".bars svg").first).to_be_visible()
    expect(page.get_by_role("button", name="Start a check")).to_be_hidden()
    expect(page.locator("#header")).to_be_hidden()
