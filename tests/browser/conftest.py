"""A real browser before the real site."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.factories import PASSWORD

ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
    "--disable-quic",
]
# The first page of a run waits for the templates to be compiled, on a busy machine for longer.
PATIENCE_MS = 20_000


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium of the machine; its absence fails the test, and says which package brings it."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.fail("No Chromium on this machine: install the package chromium (apt-get install chromium).")
    # Playwright's synchronous form runs an event loop in this thread as long as the browser lives, and Django would
    # refuse every query beside it, those of later tests too.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    # Chromium's sandbox refuses to run as root, which is what a container is.
    arguments = [*ARGUMENTS, "--no-sandbox"] if os.geteuid() == 0 else ARGUMENTS
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=arguments)
        yield chromium
        chromium.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def page(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A page of a new session; what the browser complains of, the policy too, fails the test."""
    context = browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        # A conflict is an answer that pages give on purpose, with a page of its own.
        if message.type in ("error", "warning") and "a status of 409" not in message.text:
            complaints.append(f"{message.text} ({message.location.get('url', '')})")

    page = context.new_page()
    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    # A request that is still being answered would hold the database that goes away next.
    page.wait_for_load_state("networkidle")
    context.close()
    assert complaints == []


def sign_in(page: Page, username: str, to: str = "/") -> None:
    """Sign in as a person made by the factories, and go to an address."""
    page.goto(f"/accounts/login/?next={to}")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    # Keys work once the page and its script are there.
    page.wait_for_url(f"**{to}")
