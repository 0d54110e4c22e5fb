"""The content pages in a browser: width, keyboard, print; downloads are never rendered."""

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
from tests.browser.conftest import require_width, sign_in
from tests.factories import make_document, make_storage_object, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG = "a-name-that-does-not-end-" * 8
TAKEN_OVER = b"<script>document.title = 'taken over'</script><h1>taken over</h1>"
DRAWING = (
    b'<svg xmlns="http://www.w3.org/2000/svg" onload="document.title = \'taken over\'"><text>taken over</text></svg>'
)


@pytest.fixture
def keep(settings: Any, tmp_path: Path) -> Callable[[bytes], StorageObject]:
    """Function that stores data and returns its object."""
    settings.CONTENT_ROOT = tmp_path / "content"

    def store_data(data: bytes) -> StorageObject:
        stored = get_content_store().put(data)
        return make_storage_object(data, storage_uri=stored.uri, metadata={"content_type": "text/html"})

    return store_data


@pytest.fixture
def content(keep: Callable[[bytes], StorageObject]) -> StorageObject:
    """Object with long texts, and garbage; olga operates."""
    make_user(Role.OPERATOR)
    row = keep(TAKEN_OVER)
    document = make_document(publisher=LONG, source_url=f"https://example.com/{LONG}", object=row)
    for kind, key in (("document", document.pk), ("study", 10**17), ("x" * 50, 2**62)):
        sql.scalar("increment_storage_refcount", row.sha256, "local", kind, key)
    for tier in ("local", "s3"):
        make_storage_object(tier=tier, size_bytes=2**50)
    sql.execute("UPDATE storage_objects SET last_accessed = now() - interval '40 days' WHERE refcount = 0")
    StorageTombstone.objects.create(storage_uri=f"s3://{row.sha256}", reason="moved", delete_after=timezone.now())
    Job.objects.create(kind="storage_gc", arguments={}, requested_by=LONG, step=LONG, unit="objects", total=10)
    return row


def test_pages_fit_the_window(page: Page, content: StorageObject) -> None:
    sign_in(page, "olga", "/content/")
    for address in (
        "/content/",
        "/content/garbage-collection/?grace_days=10&max_delete_percent=100",
        "/content/move/",
        f"/admin/storage/storageobject/{content.pk}/change/",
        "/admin/storage/storageobject/gc-candidates/",
        "/admin/storage/storagetombstone/",
        "/admin/storage/storageevent/",
    ):
        page.goto(address)
        for summary in page.locator("main summary").all():
            summary.click()
        for width in (1280, 640, 360):
            require_width(page, width)
            small = page.evaluate(
                """() => [...document.querySelectorAll("main :is(button, select, summary, input)")]
                    .filter((element) => element.offsetParent && element.getBoundingClientRect().height < 24)
                    .map((element) => element.outerHTML)"""
            )
            assert address.startswith("/admin/") or small == [], (address, width)


def test_labels_stay_within_their_chart(page: Page, content: StorageObject) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    sign_in(page, "olga", "/content/")
    outside = page.evaluate(
        """() => [...document.querySelectorAll(".bars text")].filter((text) =>
            text.getBoundingClientRect().right > text.closest("svg").getBoundingClientRect().right + 1
            || text.getBoundingClientRect().left < text.closest("svg").getBoundingClientRect().left - 1)
            .map((text) => text.textContent)"""
    )
    assert outside == []


@pytest.mark.parametrize("data", [TAKEN_OVER, DRAWING], ids=["HTML", "SVG"])
def test_objects_are_downloaded_and_never_rendered(
    page: Page, content: StorageObject, keep: Callable[[bytes], StorageObject], data: bytes
) -> None:
    row = content if data == TAKEN_OVER else keep(data)
    sign_in(page, "olga", f"/admin/storage/storageobject/{row.pk}/change/")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download").click()
    assert downloading.value.suggested_filename == f"{row.sha256[:16]}.html"
    assert Path(downloading.value.path()).read_bytes() == data
    expect(page).to_have_url(re.compile(r"/change/$"))
    assert "taken over" not in page.title()
    # Nor as an image injected into a page.
    page.evaluate(
        """address => new Promise((done) => {
            const image = new Image();
            image.onload = image.onerror = () => done();
            image.src = address;
            document.body.append(image);
        })""",
        f"/content/{row.pk}/file/",
    )
    assert page.evaluate("document.images[document.images.length - 1].naturalWidth") == 0


def test_reviewer_downloads_a_document(page: Page, content: StorageObject) -> None:
    make_user(Role.REVIEWER)
    document = make_document(object=content, content_type="application/json")
    sign_in(page, "rita", f"/admin/storage/document/{document.pk}/change/")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download").click()
    assert Path(downloading.value.path()).read_bytes() == TAKEN_OVER
    assert downloading.value.suggested_filename.endswith(".json")


def test_release_of_a_reference_needs_a_reason(page: Page, content: StorageObject) -> None:
    sign_in(page, "olga", f"/admin/storage/storageobject/{content.pk}/change/")
    release = page.get_by_role("button", name=re.compile("^Release study"))
    release.click()
    assert page.evaluate("document.activeElement.id") == "release-reason"
    assert content.references.count() == 3
    page.get_by_label("Reason for release").fill("It was counted by mistake")
    release.click()
    expect(page.locator(".messagelist")).to_contain_text("Released the reference from study")
    expect(page.locator("main")).to_contain_text("It was counted by mistake")
    assert content.references.count() == 2


def test_verification_is_started_by_keyboard(page: Page, content: StorageObject) -> None:
    sign_in(page, "olga", "/content/")
    page.get_by_label("Reference counts").focus()
    for _ in range(5):
        page.keyboard.press("Tab")
    expect(page.get_by_label("Sample (%)")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("50")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/jobs/\d+/$"))
    assert Job.objects.filter(kind="storage_verify", arguments__sample=50).count() == 1


def test_numbers_of_a_chart_are_keyboard_accessible(page: Page, content: StorageObject) -> None:
    # A second bar: one value is a sentence.
    make_storage_object(tier="local", size_bytes=2**40)
    sql.execute("UPDATE storage_objects SET last_accessed = now() - interval '200 days' WHERE size_bytes = 2 ^ 40")
    sign_in(page, "olga", "/content/")
    page.get_by_role("link", name=re.compile("30 to 60 days")).first.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/gc-candidates/\?max_age_days=30&under_days=60"))
    expect(page.locator("main")).to_contain_text("2 candidates")


def test_garbage_collection_needs_confirmation(page: Page, content: StorageObject) -> None:
    Job.objects.all().delete()
    sign_in(page, "olga", "/content/")
    page.get_by_label("Abort above (% of objects)").fill("100")
    page.get_by_role("button", name="Preview").first.click()
    expect(page.locator("main")).to_contain_text("2 of 3 objects")
    page.get_by_role("button", name="Delete", exact=True).click()
    # The checkbox is required.
    expect(page).to_have_url(re.compile("/content/garbage-collection/"))
    assert not Job.objects.exists()
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page).to_have_url(re.compile(r"/jobs/\d+/$"))
    assert Job.objects.get().arguments["max_delete_percent"] == 100


def test_print_shows_charts_without_buttons(page: Page, content: StorageObject) -> None:
    sign_in(page, "olga", "/content/")
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", name="Objects by size")).to_be_visible()
    expect(page.locator(".bars svg").first).to_be_visible()
    expect(page.get_by_role("button", name="Start verification")).to_be_hidden()
    expect(page.locator("#header")).to_be_hidden()
