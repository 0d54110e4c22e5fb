"""The home page, validation errors and the lockout page by keyboard."""

from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.utils import timezone
from playwright.sync_api import Page

from ncfd_site.core.roles import Role
from ncfd_site.dashboard import layout
from signals.models import IngestRun
from tests.browser.conftest import find_faults, require_width, sign_in
from tests.dashboard.test_errors_page import make_card, without
from tests.dashboard.test_failures import broken
from tests.dashboard.test_tiles import score
from tests.factories import make_link_audit, make_trial, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def site() -> None:
    """Users, and rows for each tile."""
    for role in Role:
        make_user(role)
    make_link_audit()
    make_card(without("results"))
    trial = make_trial()
    score(trial, "one", "0.40000", 2)
    score(trial, "two", "0.80000", 1, "G1")
    moment = timezone.now() - timedelta(days=2)
    IngestRun.objects.create(source="ctgov", started_at=moment)


def test_a_tile_leads_to_the_errors_and_their_study(page: Page, site: None) -> None:
    sign_in(page, "ana")
    assert page.locator(".board-tile").count() == 12
    page.locator("#tile-errors dd a").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/errors/?kind=pivotal_validation")
    assert "results.primary" in page.locator(".missing").inner_text()
    # Open the first row.
    page.locator("body").press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/studies/*/")


def test_pages_fit_a_phone(page: Page, site: None) -> None:
    for address in ("/", "/errors/"):
        sign_in(page, "olga", address)
        require_width(page, 360)


def test_no_page_has_a_serious_fault(measured_page: Page, site: None, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for who in ("rita", "olga"):
        sign_in(measured_page, who)
        found += find_faults(measured_page)
        measured_page.goto("/errors/")
        found += find_faults(measured_page)
        measured_page.context.clear_cookies()
    monkeypatch.setattr(layout, "registered_sources", lambda: broken("risk", "building"))
    sign_in(measured_page, "ana")
    assert measured_page.locator(".board-tile.unread").count() == 1
    found += find_faults(measured_page)
    assert found == []


def test_the_lockout_page_has_no_serious_fault(measured_page: Page, site: None, settings: LazySettings) -> None:
    settings.LOGIN_ATTEMPTS = settings.AXES_FAILURE_LIMIT = 1
    measured_page.goto("/accounts/login/")
    measured_page.get_by_label("Username").fill("rita")
    measured_page.get_by_label("Password").fill("wrong")
    measured_page.keyboard.press("Enter")
    measured_page.get_by_role("heading", name="Too many attempts").wait_for()
    assert find_faults(measured_page) == []
