"""Creating, using and revoking a token by keyboard."""

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from ncfd_site.core.roles import Role
from tests.browser.conftest import find_faults, require_width, sign_in
from tests.factories import make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_token_is_created_and_revoked_by_keyboard(page: Page) -> None:
    make_user(Role.ANALYST)
    sign_in(page, "ana", "/tokens/")
    page.get_by_label("Name").focus()
    page.keyboard.type("notebook")
    page.keyboard.press("Enter")
    shown = page.get_by_label("Token", exact=True)
    expect(shown).to_be_focused()
    headers = {"authorization": f"Bearer {shown.input_value()}"}
    assert Client().get("/api/v1/links", headers=headers).status_code == 200
    page.get_by_text("Revoke…").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Revoke notebook")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Token notebook revoked.")).to_be_visible()
    assert Client().get("/api/v1/links", headers=headers).status_code == 401


def test_pages_fit_and_have_no_serious_fault(measured_page: Page) -> None:
    make_user(Role.ANALYST)
    sign_in(measured_page, "ana", "/tokens/")
    measured_page.get_by_label("Name").fill("a-name-that-does-not-end-" * 4)
    measured_page.get_by_role("button", name="Create token").click()
    expect(measured_page.get_by_label("Token", exact=True)).to_be_focused()
    for address in ("", "/api/v1/"):
        if address:
            measured_page.goto(address)
        for width in (1280, 360):
            require_width(measured_page, width)
            assert find_faults(measured_page) == []
