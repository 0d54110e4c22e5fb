"""A reviewer works through a sample with keyboard shortcuts, without them, and without scripts."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from linkaudit.models import LinkAudit, LinkReview, ReviewSkip
from storage.models import DocumentTextPage
from tests.browser.conftest import open_page, sign_in, sign_in_by_form
from tests.factories import PASSWORD, make_user
from tests.linkaudit.review.conftest import draw, expire_leases, make_links

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def links() -> list[LinkAudit]:
    """Ten links in a sample, and the reviewer rita."""
    make_user()
    found = make_links(10)
    draw()
    return found


def recorded() -> list[tuple[str, str | None]]:
    return list(LinkReview.objects.order_by("pk").values_list("decision", "note"))


def heading(page: Page) -> str:
    return page.get_by_role("heading", level=1).inner_text()


def press(page: Page, key: str) -> None:
    """Press a key that opens the next page."""
    before = page.url
    page.keyboard.press(key)
    page.wait_for_url(lambda url: url != before)
    page.wait_for_load_state()


def test_ten_links_with_shortcuts(page: Page, links: list[LinkAudit]) -> None:
    sign_in(page, "rita")
    press(page, "r")
    expect(page.get_by_role("heading", level=1)).to_have_text("Review")
    press(page, "r")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect(page.locator(".page-text mark.asset")).to_be_visible()

    # Highlights, and the list of shortcuts.
    page.keyboard.press("j")
    expect(page.get_by_role("status")).to_have_text(re.compile("Highlight 1 of 2: NCT1"))
    page.keyboard.press("k")
    expect(page.get_by_role("status")).to_have_text(re.compile("Highlight 2 of 2: AB-10"))
    page.keyboard.press("?")
    expect(page.get_by_text("Open source document")).to_be_visible()

    press(page, "y")
    press(page, "n")
    # Letters in a note are no shortcuts.
    page.keyboard.press("m")
    expect(page.get_by_label("Note")).to_be_focused()
    page.keyboard.type("yes, no? unsure.")
    page.keyboard.press("Escape")
    press(page, "n")
    # From a note to the decision.
    page.keyboard.press("m")
    page.keyboard.type("y")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("button", name="Right")).to_be_focused()
    press(page, "y")
    press(page, "u")
    # An undone decision returns its note.
    page.keyboard.press("m")
    page.keyboard.type("hasty")
    page.keyboard.press("Escape")
    hasty = heading(page)
    press(page, "y")
    assert heading(page) != hasty
    press(page, "z")
    assert heading(page) == hasty
    expect(page.get_by_label("Note")).to_have_value("hasty")
    press(page, "n")
    # Skip.
    page.keyboard.press("s")
    page.keyboard.type("in Japanese")
    press(page, "Enter")
    for _ in range(3):
        press(page, "y")
    expect(page.get_by_text("1 item remains, none available to you")).to_be_visible()
    expect(page.get_by_text("Reviewed by you today: 9.")).to_be_visible()
    right, wrong = ("right", None), ("wrong", None)
    assert recorded() == [
        right, wrong, ("wrong", "yes, no? unsure."), ("right", "y"), ("unsure", None),
        ("right", "hasty"), ("undone", None), ("wrong", "hasty"), right, right, right,
    ]  # fmt: skip
    assert ReviewSkip.objects.get().reason == "in Japanese"


def test_typing_in_fields_records_nothing(page: Page, links: list[LinkAudit]) -> None:
    sign_in(page, "rita", "/review/")
    press(page, "r")
    page.get_by_label("Note").press_sequentially("yynnuuszjk?")
    page.get_by_label("Reason for skipping").press_sequentially("yynnuuszjk?")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+y")
    page.keyboard.press("Alt+n")
    expect(page.get_by_label("Note")).to_have_value("yynnuuszjk?")
    assert recorded() == []


def test_other_shortcuts_and_none(page: Page, links: list[LinkAudit]) -> None:
    sign_in(page, "rita", "/review/shortcuts/")
    page.get_by_label("Right", exact=True).fill("a")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved in this browser.")).to_be_visible()
    page.goto("/review/")
    press(page, "r")
    page.keyboard.press("y")
    press(page, "a")
    assert recorded() == [("right", None)]

    page.goto("/review/shortcuts/")
    page.get_by_label("Use shortcuts").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("shortcuts are off")).to_be_visible()
    page.goto("/review/")
    page.keyboard.press("r")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("kbd", has_text="A")).to_have_count(0)
    for key in "aynusz?":
        page.keyboard.press(key)
    page.goto("/links/")
    for key in "/f":
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.name") != "q"
    assert recorded() == [("right", None)]


def test_expired_lease_keeps_the_note(page: Page, links: list[LinkAudit]) -> None:
    sign_in(page, "rita", "/review/")
    press(page, "r")
    page.get_by_label("Note").fill("in table 2")
    expire_leases()
    with page.expect_response(lambda response: response.status == 409):
        page.get_by_role("button", name="Right").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was recorded")
    expect(page.get_by_label("Your note")).to_have_value("in table 2")
    page.get_by_role("button", name="Reopen").click()
    expect(page.get_by_label("Note")).to_have_value("in table 2")
    page.get_by_role("button", name="Right").click()
    expect(page.get_by_text("1 today")).to_be_visible()
    assert recorded() == [("right", "in table 2")]


def test_page_renews_its_lease_and_a_note_outlives_a_sign_in(page: Page, links: list[LinkAudit]) -> None:
    page.clock.install()
    sign_in(page, "rita", "/review/")
    page.get_by_role("button", name="Start").click()
    page.get_by_label("Note").fill("still thinking")
    with page.expect_response("**/heartbeat/") as beat:
        page.clock.fast_forward(61_000)
    assert beat.value.status == 200
    expect(page.get_by_role("status")).to_have_text(re.compile(r"Reserved until \d\d:\d\d UTC"))
    address = page.url
    # The session has expired; the CSRF cookie has not.
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Right").click()
    page.wait_for_url("**/accounts/login/**")
    sign_in_by_form(page, "rita", address.partition("/review")[1] + address.partition("/review")[2])
    expect(page.get_by_label("Note")).to_have_value("still thinking")


@pytest.fixture
def plain(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A page without scripts."""
    with open_page(browser, live_server, java_script_enabled=False) as page:
        yield page


def test_it_works_without_scripts(plain: Page, links: list[LinkAudit]) -> None:
    sign_in(plain, "rita", "/review/")
    plain.get_by_role("button", name="Start").click()
    first = heading(plain)
    plain.get_by_label("Note").fill("no script")
    plain.get_by_role("button", name="Wrong").click()
    expect(plain.get_by_text("Labeled AB-10")).to_be_visible()
    assert heading(plain) != first
    plain.get_by_role("button", name="Undo").click()
    expect(plain.get_by_label("Note")).to_have_value("no script")
    plain.get_by_role("button", name="Unsure").click()
    expect(plain.get_by_role("heading", level=1)).not_to_have_text(first)
    plain.get_by_label("Reason for skipping").fill("not mine")
    plain.get_by_role("button", name="Skip").click()
    expect(plain.get_by_text("1 today")).to_be_visible()
    expect(plain.get_by_role("button", name="Next highlight")).to_be_hidden()
    assert [decision for decision, _ in recorded()] == ["wrong", "undone", "unsure"]
    assert ReviewSkip.objects.count() == 1


def test_expired_session_loses_nothing_typed(page: Page, links: list[LinkAudit]) -> None:
    sign_in(page, "rita")
    press(page, "r")
    press(page, "r")
    claim = heading(page)
    page.get_by_label("Reason for skipping").fill("in Japanese")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Skip").click()
    expect(page.get_by_text("You were signed out, and nothing was changed.")).to_be_visible()
    page.get_by_label("Username").fill("rita")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(claim)
    expect(page.get_by_label("Reason for skipping")).to_have_value("in Japanese")
    expect(page.get_by_text("Nothing was recorded; what you typed is here again.")).to_be_visible()
    assert not ReviewSkip.objects.exists()
    page.get_by_role("button", name="Skip").click()
    expect(page.get_by_text("Skipped AB-10")).to_be_visible()
    assert ReviewSkip.objects.get().reason == "in Japanese"


def test_claim_stays_and_nothing_moves(page: Page, links: list[LinkAudit]) -> None:
    DocumentTextPage.objects.update(text="A line of the record.\n" * 300)
    sign_in(page, "rita")
    press(page, "r")
    press(page, "r")
    right, document = page.get_by_role("button", name="Right"), page.locator(".page-text")
    before = [box["y"] for box in (right.bounding_box(), document.bounding_box()) if box]
    press(page, "y")
    expect(page.get_by_text("Labeled AB-10")).to_be_visible()
    assert [box["y"] for box in (right.bounding_box(), document.bounding_box()) if box] == before
    for width in (1360, 360):
        page.set_viewport_size({"width": width, "height": 740})
        page.evaluate("scrollTo(0, 0)")
        expect(document).to_be_in_viewport()
        page.evaluate("scrollTo(0, 2000)")
        expect(page.get_by_role("heading", level=1)).to_be_in_viewport(ratio=1)
