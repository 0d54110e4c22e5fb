"""Promotion and bulk labeling in a browser, with the keyboard, and in every width."""

import re

import pytest
from playwright.sync_api import Page, expect

from linkaudit.models import LinkAudit, LinkPromotion, LinkReview
from ncfd_site.core.roles import Role
from tests.browser.conftest import require_width, sign_in
from tests.factories import make_asset, make_link_audit, make_user
from tests.jobs.conftest import run, working
from tests.linkaudit.promotion.conftest import make_promotable

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG = "a-name-that-does-not-end-" * 8
COUNTS = {"correct_links": 58, "reviewed_links": 59, "precision_rate": 0.9831}


def test_promotion_and_revert_with_the_keyboard(page: Page) -> None:
    make_user(Role.OPERATOR)
    make_promotable()
    sign_in(page, "olga", "/heuristics/HP-1/promote/")
    page.get_by_label("Reason", exact=True).focus()
    page.keyboard.type("The second opinions agree.")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type("No sample yet.")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/jobs/\d+/"))
    with working():
        expect(page.get_by_text("62 links promoted.")).to_be_visible()
    page.get_by_role("link", name=re.compile(r"Promotion \d")).click()
    expect(page.get_by_text("in effect")).to_be_visible()
    page.get_by_label("Reason").fill("Too early.")
    page.get_by_label("Revert the promotion of 62 links, and delete the 3 rows that it created.").check()
    page.get_by_role("button", name="Revert").press("Enter")
    with working():
        expect(page.get_by_text("reverted: 62 links.")).to_be_visible()
    assert LinkPromotion.objects.get().revert_reason == "Too early."
    assert not LinkAudit.objects.filter(promotion_status="promoted").exists()


def test_selected_links_are_labeled_after_a_confirmation(page: Page) -> None:
    make_user(Role.ADJUDICATOR)
    keys = [make_link_audit().pk for _ in range(3)]
    sign_in(page, "adam", "/admin/linkaudit/linkaudit/")
    page.locator("#action-toggle").check()
    page.get_by_label("Action:").select_option("label_wrong")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_role("heading", name="Label 3 links wrong")).to_be_visible()
    assert not LinkReview.objects.exists()
    page.get_by_label("Note").fill("Another company's trials.")
    page.get_by_role("button", name="Label 3 links wrong").click()
    expect(page.get_by_text("Labeled wrong: 3.")).to_be_visible()
    assert LinkReview.objects.filter(mode="bulk", audit_id__in=keys).count() == 3


def test_all_links_of_a_list_are_labeled_by_a_job(page: Page) -> None:
    make_user(Role.ADJUDICATOR)
    for _ in range(3):
        make_link_audit()
    sign_in(page, "adam", "/admin/linkaudit/linkaudit/")
    page.get_by_role("link", name="Label all links of this list").click()
    page.get_by_label("right").check()
    page.get_by_label("Note").fill("All of one trial.")
    page.get_by_label("Apply this decision to 3 links.").check()
    page.get_by_role("button", name="Start job").click()
    expect(page).to_have_url(re.compile(r"/jobs/\d+/"))
    with working():
        expect(page.get_by_text("Labeled right: 3.").first).to_be_visible()


def test_no_page_is_wider_than_the_window(page: Page) -> None:
    make_user(Role.OPERATOR)
    make_user(Role.ADJUDICATOR)
    links = make_promotable(LONG)
    values = {"heuristic": LONG, "reason": LONG, "override_reason": LONG, "precision_counts": COUNTS}
    LinkPromotion.objects.create(promoted_by=LONG[:150], **values)
    LinkPromotion.objects.update(reverted_by=LONG[:150], revert_reason=LONG, reverted_at="2026-01-01T00:00Z")
    make_link_audit(asset=make_asset(LONG), heuristic_applied=LONG)
    sign_in(page, "olga", "/promotions/")
    promotion = LinkPromotion.objects.get().pk
    for address in ("/promotions/", f"/promotions/{promotion}/", f"/heuristics/{LONG}/promote/", "/links/"):
        page.goto(address)
        require_width(page, 1280, 910, 640, 360)
    page.context.clear_cookies()
    sign_in(page, "adam", "/")
    page.goto("/admin/linkaudit/linkaudit/bulk/filter/?q=a-name")
    require_width(page, 1280, 910, 640, 360)
    assert links
    assert run() == []
