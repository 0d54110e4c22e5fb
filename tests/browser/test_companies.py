"""Companies, tickers and sponsors by keyboard."""

from datetime import date

import pytest
from playwright.sync_api import Page, expect

from ncfd_site.core.roles import Role
from securities.models import ReviewQueueItem
from tests.browser.conftest import find_faults, require_width, sign_in
from tests.factories import make_company, make_user
from tests.signals.companies.listed import make_scored_trial, make_security, relate

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def _companies() -> None:
    make_user(Role.ANALYST)
    alpha, beta = make_company(name="Alpha Pharma", cik=1001), make_company(name="Beta Bio", cik=1002)
    relate(alpha, beta)
    make_security("SNK", alpha, date(2011, 3, 1), date(2019, 5, 3), status="delisted")
    make_security("SNK", beta, date(2020, 2, 3))
    make_scored_trial(beta, "0.98000", nct_id="NCT00000001")
    ReviewQueueItem.objects.create(
        run_id="r1", nct_id="NCT00000001", sponsor_text="Beta Biotech", reason="no exact name"
    )


@pytest.mark.usefixtures("_companies")
def test_a_search_leads_to_a_company_and_its_ticker(page: Page) -> None:
    sign_in(page, "ana", "/companies/")
    page.keyboard.press("f")
    page.keyboard.type("beta")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=beta**")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="Beta Bio", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/companies/1002/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Beta Bio")
    # The trial has no readout ahead.
    page.get_by_role("link", name="Show all", exact=True).press("Enter")
    page.wait_for_url("**/companies/1002/?trials=all**")
    expect(page.get_by_role("link", name="NCT00000001").first).to_be_visible()
    page.locator("table").get_by_role("link", name="SNK").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/tickers/SNK/")
    day = page.get_by_label("Day", exact=True)
    day.focus()
    page.keyboard.type("05022019")
    page.keyboard.press("Enter")
    page.wait_for_url("**on=2019-05-02**")
    expect(page.locator(".answer")).to_contain_text("On 2019-05-02, SNK was Alpha Pharma")


@pytest.mark.usefixtures("_companies")
def test_pages_fit_a_phone_and_have_no_serious_fault(measured_page: Page) -> None:
    sign_in(measured_page, "ana", "/companies/")
    found = []
    for address in (
        "/companies/",
        "/companies/1001/",
        "/tickers/SNK/?on=2015-01-01",
        "/tickers/SNK/?on=x",
        "/sponsors/",
    ):
        measured_page.set_viewport_size({"width": 1280, "height": 800})
        measured_page.goto(address)
        found += find_faults(measured_page)
        require_width(measured_page, 360)
    assert found == []
