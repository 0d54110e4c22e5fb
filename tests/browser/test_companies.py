"""Companies, tickers and sponsors in a browser, by keyboard alone."""

from datetime import date
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from ncfd_site.core.roles import Role
from securities.models import ReviewQueueItem
from tests.browser.conftest import PATIENCE_MS, sign_in
from tests.factories import make_company, make_user
from tests.signals.companies.listed import make_scored_trial, make_security, relate

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

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
def test_from_a_search_to_a_company_and_the_past_of_its_ticker_by_keyboard(page: Page) -> None:
    sign_in(page, "ana", "/companies/")
    page.keyboard.press("/")
    page.keyboard.type("beta")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=beta**")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="Beta Bio", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/companies/1002/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Beta Bio")
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
def test_no_page_has_a_grave_fault_or_is_wider_than_a_phone(browser: Browser, live_server: LiveServer) -> None:
    context = browser.new_context(base_url=live_server.url, bypass_csp=True)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    sign_in(page, "ana", "/companies/")
    found = []
    for address in (
        "/companies/",
        "/companies/1001/",
        "/tickers/SNK/?on=2015-01-01",
        "/tickers/SNK/?on=x",
        "/sponsors/",
    ):
        page.set_viewport_size({"width": 1280, "height": 800})
        page.goto(address)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            for one in Axe().run(page).response["violations"]:
                if one["impact"] in ("serious", "critical"):
                    found += [f"{address} in {scheme}: {one['id']}: {node['html'][:200]}" for node in one["nodes"]]
        page.set_viewport_size({"width": 360, "height": 800})
        root = "document.documentElement"
        assert page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth"), address
    page.wait_for_load_state("networkidle")
    context.close()
    assert found == []
