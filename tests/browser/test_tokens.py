"""A token is made, used and taken back in a real browser by keyboard alone; axe-core finds no serious fault."""

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from ncfd_site.core.roles import Role
from tests.browser.conftest import sign_in
from tests.browser.test_axe import faults
from tests.browser.test_axe import page as measured_page  # noqa: F401  (a fixture)
from tests.factories import make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_keyboard_alone_makes_and_revokes_a_token(page: Page) -> None:
    make_user(Role.ANALYST)
    sign_in(page, "ana", "/tokens/")
    page.get_by_label("What it is for").focus()
    page.keyboard.type("notebook")
    page.keyboard.press("Enter")
    shown = page.get_by_label("Token", exact=True)
    expect(shown).to_be_focused()
    shown_to = {"authorization": f"Bearer {shown.input_value()}"}
    assert Client().get("/api/v1/links", headers=shown_to).status_code == 200
    page.get_by_text("Revoke…").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Revoke notebook")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("The token notebook is revoked")).to_be_visible()
    assert Client().get("/api/v1/links", headers=shown_to).status_code == 401


@pytest.mark.parametrize("width", [360, 1280])
def test_the_pages_fit_and_have_no_serious_fault(measured_page: Page, width: int) -> None:  # noqa: F811
    make_user(Role.ANALYST)
    measured_page.set_viewport_size({"width": width, "height": 740})
    sign_in(measured_page, "ana", "/tokens/")
    measured_page.get_by_label("What it is for").fill("a-name-that-does-not-end-" * 4)
    measured_page.get_by_role("button", name="Make a token").click()
    expect(measured_page.get_by_label("Token", exact=True)).to_be_focused()
    for address in ("", "/api/v1/"):
        if address:
            measured_page.goto(address)
        assert measured_page.evaluate("document.documentElement.scrollWidth") <= width
        assert faults(measured_page) == []
