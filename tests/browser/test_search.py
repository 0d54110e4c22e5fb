"""The search of the header by keyboard, as one types, and in the menu of a narrow window."""

import pytest
from playwright.sync_api import Page, expect

from ncfd_site.core.roles import Role
from tests.browser.conftest import find_faults, sign_in
from tests.factories import make_company, make_trial, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_hits_are_chosen_by_keys_and_opened_again(page: Page) -> None:
    make_user(Role.ANALYST)
    make_trial(nct_id="NCT00000001")
    make_company(name="Zeta Bio", cik=77)
    sign_in(page, "ana", "/companies/")
    box, panel = page.get_by_role("combobox", name="Search the site"), page.locator("#site-search-panel")
    page.keyboard.press("/")
    expect(box).to_be_focused()
    page.keyboard.type("zeta")
    expect(panel.get_by_role("option", name="Zeta Bio")).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(panel.locator("[aria-selected=true]")).to_contain_text("Zeta Bio")
    with page.expect_response("**/search/recent/") as stored:
        page.keyboard.press("Enter")
        page.wait_for_url("**/companies/77/")
    assert stored.value.status == 204
    page.keyboard.press("/")
    expect(panel.get_by_role("group", name="Opened last").get_by_role("option")).to_have_text("Zeta Bio")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    # Without a chosen hit, Enter opens the page of all hits.
    page.keyboard.press("/")
    page.keyboard.type("nct00000001")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/?q=nct00000001")
    expect(page.get_by_role("link", name="NCT00000001", exact=True)).to_be_visible()
    page.set_viewport_size({"width": 360, "height": 740})
    page.get_by_text("Menu", exact=True).click()
    page.locator("#menu-search").fill("zeta")
    expect(page.locator("#menu-search-panel").get_by_role("option", name="Zeta Bio")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_open_panel_has_no_serious_fault(measured_page: Page) -> None:
    make_user(Role.ANALYST)
    make_company(name="Zeta Bio", cik=77)
    sign_in(measured_page, "ana", "/jobs/")
    measured_page.locator("#site-search").fill("zeta")
    expect(measured_page.locator("#site-search-panel").get_by_role("option").first).to_be_visible()
    assert find_faults(measured_page) == []
