"""A token is made, used and taken back in a real browser by keyboard alone; axe-core finds no serious fault."""

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from ncfd_site.roles import Role
from tests.browser.conftest import browser, sign_in  # noqa: F401  (a fixture)
from tests.browser.conftest import page as strict_page  # noqa: F401  (a fixture)
from tests.browser.test_axe import faults, page  # noqa: F401  (a fixture)
from tests.factories import make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_keyboard_alone_makes_and_revokes_a_token(strict_page: Page) -> None:  # noqa: F811
    make_user(Role.ANALYST)
    sign_in(strict_page, "ana", "/tokens/")
    strict_page.get_by_label("What it is for").focus()
    strict_page.keyboard.type("notebook")
    strict_page.keyboard.press("Enter")
    shown = strict_page.get_by_label("Token", exact=True)
    expect(shown).to_be_focused()
    shown_to = {"authorization": f"Bearer {shown.input_value()}"}
    assert Client().get("/api/v1/links", headers=shown_to).status_code == 200
    strict_page.get_by_text("Revoke…").focus()
    strict_page.keyboard.press("Enter")
    strict_page.keyboard.press("Tab")
    expect(strict_page.get_by_role("button", name="Revoke notebook")).to_be_focused()
    strict_page.keyboard.press("Enter")
    expect(strict_page.get_by_text("The token notebook is revoked")).to_be_visible()
    assert Client().get("/api/v1/links", headers=shown_to).status_code == 401


@pytest.mark.parametrize("width", [360, 1280])
def test_the_pages_fit_and_have_no_serious_fault(page: Page, width: int) -> None:  # noqa: F811
    make_user(Role.ANALYST)
    page.set_viewport_size({"width": width, "height": 740})
    sign_in(page, "ana", "/tokens/")
    page.get_by_label("What it is for").fill("a-name-that-does-not-end-" * 4)
    page.get_by_role("button", name="Make a token").click()
    expect(page.get_by_label("Token", exact=True)).to_be_focused()
    for address in ("", "/api/v1/"):
        if address:
            page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert faults(page) == []
