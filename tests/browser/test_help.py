"""The list of shortcuts, and a request to the API, in place."""

import pytest
from playwright.sync_api import Page, expect

from ncfd_site.core.roles import Role
from tests.browser.conftest import find_faults, require_width, sign_in
from tests.factories import make_company, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_key_shows_the_shortcuts_and_a_form_asks_the_api(page: Page) -> None:
    make_user(Role.ANALYST)
    make_company(name="Zeta Bio", cik=77)
    sign_in(page, "ana")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    for address in ("/companies/", "/admin/"):
        page.goto(address)
        page.keyboard.press("?")
        expect(dialog.get_by_text("Next row")).to_be_visible()
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
    page.goto("/api/v1/")
    form = page.locator("form[action='/api/v1/companies/{cik}']")
    details = page.locator("details", has=form)
    details.locator("summary").click()
    form.locator("[name=cik]").fill("77")
    form.get_by_role("button", name="Send").click()
    expect(details.locator(".answer")).to_contain_text('"name": "Zeta Bio"')
    expect(details.get_by_role("status")).to_contain_text("GET /api/v1/companies/77")


def test_the_pages_of_the_help_have_no_serious_fault(measured_page: Page) -> None:
    make_user(Role.ANALYST)
    sign_in(measured_page, "ana", "/")
    for address in ("/", "/help/", "/help/glossary/", "/help/shortcuts/", "/help/trials/", "/help/schema/", "/api/v1/"):
        measured_page.goto(address)
        assert find_faults(measured_page) == []
        require_width(measured_page, 1280, 360)
