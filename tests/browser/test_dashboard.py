"""The first page, the list of errors, and a lock of the sign-in, with the keyboard alone in a real browser."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.utils import timezone
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from ncfd_site.core.roles import Role
from ncfd_site.dashboard import views
from signals.models import IngestRun
from tests.browser.conftest import PATIENCE_MS, sign_in
from tests.browser.test_axe import faults
from tests.dashboard.test_errors_page import make_card, without
from tests.dashboard.test_failures import broken
from tests.dashboard.test_tiles import score
from tests.factories import make_link_audit, make_trial, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def site() -> None:
    """People, and something for each tile."""
    for role in Role:
        make_user(role)
    make_link_audit()
    make_card(without("results"))
    trial = make_trial()
    score(trial, "one", "0.40000", 2)
    score(trial, "two", "0.80000", 1, "G1")
    moment = timezone.now() - timedelta(days=2)
    IngestRun.objects.create(source="ctgov", started_at=moment)


@pytest.fixture
def checked(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A page into which axe-core may be put, which the policy of content forbids otherwise."""
    context = browser.new_context(base_url=live_server.url, bypass_csp=True)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    yield page
    page.wait_for_load_state("networkidle")
    context.close()


def test_from_a_tile_to_the_errors_and_their_study_by_keyboard(page: Page, site: None) -> None:
    sign_in(page, "ana")
    assert page.locator(".board-tile").count() == 10
    page.locator("#tile-errors dd a").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/errors/?kind=pivotal_validation")
    assert "results.primary" in page.locator(".missing").inner_text()
    # The first row, and into it.
    page.locator("body").press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/studies/*/")


@pytest.mark.parametrize("address", ["/", "/errors/"])
def test_nothing_is_wider_than_a_phone(page: Page, site: None, address: str) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    sign_in(page, "olga")
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_no_page_has_a_grave_fault(checked: Page, site: None, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for who in ("rita", "olga"):
        sign_in(checked, who)
        found += faults(checked)
        checked.goto("/errors/")
        found += faults(checked)
        checked.context.clear_cookies()
    monkeypatch.setattr(views, "registered_sources", lambda: broken("risk", "building"))
    sign_in(checked, "ana")
    assert checked.locator(".board-tile.unread").count() == 1
    found += faults(checked)
    assert found == []


def test_the_lock_is_a_page_like_the_others(checked: Page, site: None, settings: LazySettings) -> None:
    settings.LOGIN_ATTEMPTS = settings.AXES_FAILURE_LIMIT = 1
    checked.goto("/accounts/login/")
    checked.get_by_label("Username").fill("rita")
    checked.get_by_label("Password").fill("wrong")
    checked.keyboard.press("Enter")
    checked.get_by_role("heading", name="Too many attempts").wait_for()
    assert faults(checked) == []
