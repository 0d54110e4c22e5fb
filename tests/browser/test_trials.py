"""Trials by risk by keyboard."""

import pytest
from playwright.sync_api import Page, expect

from ncfd_site.core.roles import Role
from tests.browser.conftest import find_faults, require_width, sign_in
from tests.factories import make_company, make_trial, make_user
from tests.signals.trials.conftest import (
    BEFORE,
    LATEST,
    fire_gate,
    fire_signal,
    list_ticker,
    score,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def site() -> None:
    """Ana, and three trials in two runs."""
    make_user(Role.ANALYST)
    company = make_company(name="Lilliput Therapeutics, Inc.", name_norm="lilliput therapeutics")
    list_ticker(company, "ZQLIL")
    for number, (before, now) in enumerate((("0.5", "0.98"), ("0.7", "0.6"), ("0.3", "0.3")), start=1):
        trial = make_trial(nct_id=f"NCT0000000{number}", sponsor_company=company if number == 2 else None)
        score(trial, before, BEFORE)
        score(trial, now, metadata={"gates": {"G1": {"lr_used": 5}}} if number == 1 else {})
        if number == 1:
            fire_gate(trial, "G1")
            fire_signal(trial, "S1")


def test_a_trial_is_searched_and_opened(page: Page, site: None) -> None:
    sign_in(page, "ana", "/trials/?filter=none")
    rows = page.locator("[data-row]")
    expect(rows).to_have_text(["NCT00000001", "NCT00000002", "NCT00000003"])
    page.keyboard.press("f")
    page.keyboard.type("zqlil")
    page.keyboard.press("Enter")
    page.wait_for_url("**/trials/?q=zqlil**")
    expect(rows).to_have_text(["NCT00000002"])
    # The chip is a link that removes its filter.
    chip = page.get_by_role("link", name="search: zqlil : remove this filter")
    while not chip.evaluate("element => element === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "zqlil" not in url)
    expect(rows).to_have_count(3)
    for key in "jjkj":
        page.keyboard.press(key)
    expect(rows.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/trials/NCT00000002/")


def test_order_and_comparison(page: Page, site: None) -> None:
    sign_in(page, "ana", "/trials/?filter=none")
    rows = page.locator("[data-row]")
    page.get_by_role("columnheader", name="Change").get_by_role("link").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**order=change**")
    expect(rows).to_have_text(["NCT00000001", "NCT00000003", "NCT00000002"])
    page.get_by_role("link", name="Compare runs").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/trials/compare/**")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"From {BEFORE} to {LATEST}")
    page.keyboard.press("j")
    expect(rows.first).to_be_focused()


def test_links_inside_a_row_have_other_targets(page: Page, site: None) -> None:
    sign_in(page, "ana", "/trials/?filter=none")
    row = page.get_by_role("row").filter(has_text="NCT00000002")
    row.get_by_role("link", name="ZQLIL").click()
    page.wait_for_url("**/tickers/ZQLIL/")
    page.go_back()
    page.get_by_role("cell", name="Phase 3").first.click(force=True)  # The link of the row covers the cell.
    page.wait_for_url("**/trials/NCT00000001/")
    page.goto("/trials/compare/")
    page.get_by_role("row").filter(has_text="NCT00000002").get_by_role("link", name="ZQLIL").click()
    page.wait_for_url("**/tickers/ZQLIL/")


def test_a_tile_links_to_as_many_rows(page: Page, site: None) -> None:
    sign_in(page, "ana", "/trials/?q=zqlil")
    expect(page.locator("[data-row]")).to_have_count(1)
    tile = page.locator(".trial-tiles div").filter(has_text="50 % to under 75 %").get_by_role("link")
    expect(tile).to_have_text("1")
    tile.press("Enter")
    page.wait_for_url("**/trials/?q=zqlil&band=50")
    expect(page.locator("[data-row]")).to_have_text(["NCT00000002"])
    # With Shift, a heading becomes the second key.
    page.get_by_role("columnheader", name="Readout").get_by_role("link").click(modifiers=["Shift"])
    page.wait_for_url("**order=risk,readout")


@pytest.mark.parametrize("address", ["/trials/", "/trials/?gate=G1&signal=S1", "/trials/?q=zzz", "/trials/compare/"])
def test_pages_fit_a_phone_and_have_no_serious_fault(measured_page: Page, site: None, address: str) -> None:
    sign_in(measured_page, "ana", address)
    assert find_faults(measured_page) == []
    require_width(measured_page, 360)
