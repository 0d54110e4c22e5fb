"""Chromium with the site on a live server."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright
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
# The first page compiles the templates, which takes longer on a busy machine.
TIMEOUT_MS = 60_000


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the installed Chromium; without it, the test fails with the name of its package."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.fail("No Chromium on this machine: install the package chromium (apt-get install chromium).")
    # Playwright's synchronous API runs an event loop in this thread while the browser lives, and Django refuses queries
    # beside it, also those of later tests.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    # Chromium's sandbox refuses to run as root, as in a container.
    arguments = [*ARGUMENTS, "--no-sandbox"] if os.geteuid() == 0 else ARGUMENTS
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=arguments)
        yield chromium
        chromium.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@contextmanager
def open_page(browser: Browser, live_server: LiveServer, **options: Any) -> Iterator[Page]:
    """Open a page in a new session of the browser, and close it when the server has answered all requests."""
    context = browser.new_context(base_url=live_server.url, **options)
    context.set_default_timeout(TIMEOUT_MS)
    unanswered: set[Request] = set()

    # Playwright takes no methods of built-in types.
    def remember(request: Request) -> None:
        unanswered.add(request)

    def forget(request: Request) -> None:
        unanswered.discard(request)

    context.on("request", remember)
    context.on("requestfinished", forget)
    context.on("requestfailed", forget)
    page = context.new_page()
    try:
        yield page
        # A request in progress would use the database that is dropped next.
        deadline = time.monotonic() + TIMEOUT_MS / 1000
        while unanswered and time.monotonic() < deadline:
            page.wait_for_timeout(10)
    finally:
        context.close()


@pytest.fixture
def page(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """Yield a page; errors and warnings in its console fail the test."""
    complaints: list[str] = []

    def add_message(message: ConsoleMessage) -> None:
        # Pages answer a conflict on purpose.
        if message.type in ("error", "warning") and "a status of 409" not in message.text:
            complaints.append(f"{message.text} ({message.location.get('url', '')})")

    with open_page(browser, live_server, viewport={"width": 1280, "height": 800}) as page:
        page.on("console", add_message)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
    assert complaints == []


@pytest.fixture
def measured_page(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """Yield a page without content security policy, for the styles that axe-core adds."""
    with open_page(browser, live_server, bypass_csp=True) as page:
        yield page


def find_faults(page: Page) -> list[str]:
    """Return the serious faults that axe-core finds on the page: by all rules in light, by those on colors in dark."""
    page.evaluate(AXE_SCRIPT)
    found: list[str] = []
    for scheme, options in (("light", {}), ("dark", {"runOnly": ["color-contrast", "link-in-text-block"]})):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        results = page.evaluate("options => axe.run({...options, resultTypes: ['violations']})", options)
        for one in results["violations"]:
            if one["impact"] in ("serious", "critical"):
                found += [f"{page.url} in {scheme}: {one['id']}: {node['html'][:200]}" for node in one["nodes"]]
    return found


def require_width(page: Page, *widths: int) -> None:
    """Fail where the page is wider than a window of one of these widths."""
    for width in widths:
        page.set_viewport_size({"width": width, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{page.url} at {width}"


def sign_in(page: Page, username: str, to: str = "/") -> None:
    """Give the page a session of a user made by the factories, and open an address."""
    client = Client()
    client.force_login(User.objects.get(username=username))
    name = settings.SESSION_COOKIE_NAME
    page.context.add_cookies(
        [{"name": name, "value": client.cookies[name].value, "domain": "localhost", "path": "/", "httpOnly": True}]
    )
    page.goto(to)


def sign_in_by_form(page: Page, username: str, to: str = "/") -> None:
    """Sign in on the page for it as a user made by the factories; it leads to an address."""
    page.goto(f"/accounts/login/?next={to}")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    # Keyboard shortcuts need the page and its script.
    page.wait_for_url(f"**{to}")
