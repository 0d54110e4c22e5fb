"""Density and navigation: header height, rows above the fold, menus with and without scripts."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from ncfd_site.core.roles import Role
from tests.browser.conftest import find_faults, open_page, require_width, sign_in
from tests.factories import make_company, make_trial, make_user
from tests.signals.trials.conftest import BEFORE, fire_gate, fire_signal, list_ticker, score

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FULLY_VISIBLE = """() => [...document.querySelectorAll("main tbody tr")]
    .filter((row) => row.getBoundingClientRect().bottom <= innerHeight).length"""


@pytest.fixture
def trials() -> None:
    """Ana, and 25 trials with long names, gates, signals and tickers."""
    make_user(Role.ANALYST)
    company = make_company(name="A company with a name that is much too long for one line of a list")
    for ticker in ("ZQAAA", "ZQBBB", "ZQCCC"):
        list_ticker(company, ticker)
    for number in range(25):
        trial = make_trial(
            nct_id=f"NCT000001{number:02}",
            sponsor_company=company,
            indication="An indication with a name that is much too long for one line of a list",
            est_primary_completion_date=timezone.localdate() + timedelta(days=number),
        )
        score(trial, "0.5", BEFORE)
        score(trial, "0.9")
        for gate in ("G1", "G2", "G3"):
            fire_gate(trial, gate)
        for signal in ("S1", "S2", "S3", "S4"):
            fire_signal(trial, signal)


def test_18_trials_are_above_the_fold(page: Page, trials: None) -> None:
    page.set_viewport_size({"width": 1360, "height": 900})
    # A filter with a chip takes one more line.
    for address, least in (("/trials/?filter=none", 18), ("/trials/?gate=G1", 18)):
        sign_in(page, "ana", address)
        assert page.evaluate(FULLY_VISIBLE) >= least, address
        heights = page.evaluate("[...document.querySelectorAll('main tbody tr')].map((row) => row.offsetHeight)")
        assert 32 <= min(heights) <= max(heights) <= 36
    page.mouse.wheel(0, 400)
    page.wait_for_function("scrollY > 0")
    head = page.locator("thead th").first.bounding_box()
    assert head is not None
    assert head["y"] == 0


@pytest.mark.parametrize("width", [1360, 1024, 768, 767, 360])
def test_the_header_has_one_line(page: Page, trials: None, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    for address in ("/", "/trials/", "/admin/"):
        sign_in(page, "ana", address)
        header = page.locator("#header").bounding_box()
        assert header is not None
        assert header["height"] <= 56, address
        tops = page.evaluate(
            """[...document.querySelectorAll("#header > :not([hidden])")].filter((one) => one.checkVisibility())
                .map((one) => one.getBoundingClientRect()).map((box) => box.top + box.height / 2)"""
        )
        assert max(tops) - min(tops) < 4, address
        require_width(page, width)


def test_a_heading_is_stronger_than_its_sections(page: Page, trials: None) -> None:
    for address in ("/trials/NCT00000100/", "/admin/"):
        sign_in(page, "ana", address)
        sizes = page.evaluate(
            "['h1', 'h2'].map((name) => parseFloat(getComputedStyle(document.querySelector(`main ${name}`)).fontSize))"
        )
        assert sizes == [24, 16], address


def test_menus_open_one_at_a_time_and_close_by_keyboard(page: Page, trials: None) -> None:
    sign_in(page, "ana", "/trials/?filter=none")
    menu = page.locator("#header summary")
    companies = page.get_by_role("link", name="Companies", exact=True)
    expect(companies).to_be_hidden()
    menu.filter(has_text="Analyze").press("Enter")
    expect(companies).to_be_visible()
    menu.filter(has_text="Operate").press("Enter")
    expect(companies).to_be_hidden()
    expect(page.get_by_role("link", name="Jobs", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Jobs", exact=True)).to_be_hidden()
    expect(menu.filter(has_text="Operate")).to_be_focused()
    menu.filter(has_text="Analyze").click()
    companies.click()
    page.wait_for_url("**/companies/")


def test_narrow_windows_have_a_menu_without_scripts(browser: Browser, live_server: LiveServer, trials: None) -> None:
    phone = {"width": 360, "height": 740}
    with open_page(browser, live_server, java_script_enabled=False, viewport=phone) as page:
        sign_in(page, "ana", "/trials/?filter=none")
        page.locator("summary", has_text="Menu").click()
        expect(page.get_by_role("link", name="Schema", exact=True)).to_be_visible()
        page.get_by_role("searchbox", name="Search the site").first.fill("NCT00000103")
        page.keyboard.press("Enter")
        page.wait_for_url("**/search/?q=NCT00000103")
        page.locator("summary[aria-label^=Account]").click()
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/accounts/login/")
        expect(page.get_by_role("heading", name="Near-certain failure detector")).to_be_visible()


def test_the_style_guide_and_open_menus_have_no_serious_fault(measured_page: Page, trials: None) -> None:
    sign_in(measured_page, "ana", "/styleguide/")
    assert find_faults(measured_page) == []
    measured_page.locator("summary[aria-label^=Account]").click()
    assert find_faults(measured_page) == []
    measured_page.emulate_media(forced_colors="active")
    expect(measured_page.locator("main .risk-bar").first).to_be_visible()
    measured_page.emulate_media(forced_colors="none")
    require_width(measured_page, 1280, 640, 360)
