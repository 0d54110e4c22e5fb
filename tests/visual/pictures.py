"""Pages and components, and their pictures: light, dark, 360 pixels wide, and printed."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from django.template import loader
from playwright.sync_api import Browser, BrowserContext, Error, Page, Route

from tests.web.table import TABLE

WIDE, NARROW, PAPER = (1280, 900), (360, 740), (794, 1123)
MODES = (
    ("light", WIDE, "light", "screen"),
    ("dark", WIDE, "dark", "screen"),
    ("narrow", NARROW, "light", "screen"),
    ("print", PAPER, "light", "print"),
)
TIMEOUT_MS = 10_000
# Longer pages repeat their rows.
MAX_HEIGHT = 4000
SKIPPED = {"/healthz", "/readyz", "/heuristics.json", "/heuristics/<path:name>.json", "/jobs/<int:job_id>/progress/"}
# Clocks and ages vary with the time of the run. Dates are moved from today to one fixed day.
FIXED_DAY = "2026-11-22"
HOLD_CLOCK = """([fixed, today]) => {
    const shift = Date.parse(fixed) - Date.parse(today);
    const moved = (day) => new Date(Date.parse(day) + shift).toISOString().slice(0, 10);
    const hold = (text) => text
        .replace(/\\b20\\d\\d-(0\\d|1[0-2])-\\d\\d\\b/g, moved)
        .replace(/\\b\\d\\d:\\d\\d(:\\d\\d)?\\b/g, (clock) => "12:00:00".slice(0, clock.length))
        .replace(/\\b(just now|\\d+\\s(seconds?|minutes?)\\sago)\\b/g, "just now")
        .replace(/\\b\\d+(\\.\\d+)?\\s(ms|s)\\b/g, "1 $2");
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const held = hold(walker.currentNode.data);
        if (held !== walker.currentNode.data) walker.currentNode.data = held;
    }
    for (const input of document.querySelectorAll("input")) if (input.value) input.value = hold(input.value);
}"""


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A page as `user` sees it: at `start` (the pattern of its URL if empty), then by the first link of each selector.

    `press` is the button to press there, and `docs` the height of the picture in `docs/`, with its name.
    """

    name: str
    pattern: str
    user: str = "admin"
    start: str = ""
    links: tuple[str, ...] = ()
    press: str = ""
    docs: tuple[str, int] | None = None
    status: int = 200


ROW = "main [data-row]"
_LISTED = (
    PagePicture("home-reviewer", "/", "rita"),
    PagePicture("home-adjudicator", "/", "adam"),
    PagePicture("home-operator", "/", "olga"),
    PagePicture("home-analyst", "/", "ana", docs=("dashboard", 980)),
    PagePicture("sign-in", "/accounts/login/", ""),
    PagePicture("trials", "/trials/", "ana", docs=("trials", 860)),
    PagePicture("compare", "/trials/compare/", "ana", docs=("compare", 900)),
    PagePicture("trial", "/trials/<str:nct_id>/", "ana", "/trials/", (ROW,), docs=("why", 1180)),
    PagePicture("record", "/trials/<str:nct_id>/record/", "ana", "/trials/", (ROW, "main a[href*='/record/']"),
                docs=("record", 900)),
    PagePicture("study", "/studies/<int:study_id>/", "ana", "/trials/", (ROW, "main a[href*='/studies/']")),
    PagePicture("company", "/companies/<int:cik>/", "ana", "/companies/", (ROW,)),
    PagePicture("ticker", "/tickers/<path:ticker>/", "ana", "/companies/", (ROW, "main a[href*='/tickers/']")),
    PagePicture("link", "/links/<int:audit_id>/", "admin", "/links/", (ROW,)),
    PagePicture("no-links", "/links/", "admin", "/links/?q=nothing"),
    PagePicture("bad-filter", "/trials/", "ana", "/trials/?q=" + "x" * 300 + "&readout_from=never", status=400),
    PagePicture("heuristics", "/heuristics/", docs=("precision", 805)),
    PagePicture("heuristic", "/heuristics/<path:name>/", start="/heuristics/HP-1/"),
    PagePicture("promote", "/heuristics/<path:name>/promote/", start="/heuristics/HP-1/promote/"),
    PagePicture("promotion", "/promotions/<int:promotion_id>/", start="/promotions/", links=(ROW,)),
    PagePicture("desk", "/review/<uuid:token>/", "rita", "/review/", press="Start", docs=("review-desk", 1351)),
    PagePicture("disagreement", "/adjudication/<int:audit_id>/", "adam", "/adjudication/", (ROW,),
                docs=("adjudication", 1316)),
    PagePicture("content", "/content/", docs=("content", 1805)),
    PagePicture("job", "/jobs/<int:job_id>/", start="/content/", press="Start verification"),
    PagePicture("schedule", "/jobs/schedule/<slug:schedule>/", start="/jobs/schedule/back-up/"),
    PagePicture("search", "/search/", "ana", "/search/?q=th"),
    PagePicture("glossary", "/help/<path:name>/", "ana", "/help/glossary/"),
    PagePicture("style-guide", "/styleguide/"),
    PagePicture("admin-index", "/admin/"),
    PagePicture("admin-list", "/admin/linkaudit/linkaudit/"),
    PagePicture("admin-row", "/admin/linkaudit/linkaudit/1/change/"),
    PagePicture("admin-form", "/admin/auth/user/add/"),
    PagePicture("not-found", "/nowhere/", "rita", status=404),
    PagePicture("denied", "/content/", "rita", status=403),
    PagePicture("post-only", "/review/lease/", "rita", status=405),
)  # fmt: skip
# Pages of failures, which the site only shows when something fails.
FAILURES: Mapping[str, Mapping[str, str]] = {
    "400": {},
    "403_csrf": {},
    "500": {},
    "503": {"problem": "The database does not answer."},
}


def _list_pages() -> tuple[PagePicture, ...]:
    """Return the pages that are listed above, and every other page whose URL has no variable part."""
    listed = {page.pattern for page in _LISTED}
    others = [
        PagePicture(pattern.strip("/").replace("/", "-"), pattern)
        for pattern, rule in TABLE.items()
        if rule.get == 200 and "<" not in pattern and pattern not in listed | SKIPPED
        if not pattern.startswith(("/api/v1/", "/exports/")) or pattern == "/api/v1/"
    ]
    return (*_LISTED, *others)


PAGES = _list_pages()


def find_pages_without_picture(patterns: Iterable[str]) -> list[str]:
    """Return the patterns of pages that are not among those with a picture."""
    pages = {
        pattern
        for pattern, rule in TABLE.items()
        if rule.get == 200 and not pattern.startswith(("/api/v1/", "/exports/")) and pattern not in SKIPPED
    }
    return sorted(pages - set(patterns))


def _answer(body: str, route: Route) -> None:
    route.fulfill(body=body, content_type="text/html; charset=utf-8")


class Photographer:
    """Takes the pictures of a running site into a folder, and collects the problems of its pages."""

    def __init__(self, browser: Browser, base_url: str, passwords: Mapping[str, str], folder: Path, today: str) -> None:
        self.browser = browser
        self.base_url = base_url
        self.passwords = passwords
        self.folder = folder
        self.today = today
        self.problems: list[str] = []
        self._contexts: dict[str, BrowserContext] = {}

    def take_page(self, picture: PagePicture) -> None:
        """Open a page and take its pictures; a page that cannot be reached is a problem."""
        page = self._open_session(picture.user).new_page()
        page.set_default_timeout(TIMEOUT_MS)
        try:
            self._reach(page, picture)
            self._take(page, picture.name)
        except Error as error:
            self.problems.append(f"{picture.name}: {page.url}: {error.message.splitlines()[0]}")
        page.close()

    def _reach(self, page: Page, picture: PagePicture) -> None:
        response = page.goto(picture.start or picture.pattern)
        for selector in picture.links:
            address = page.locator(selector).first.get_attribute("href")
            response = page.goto(str(address))
        if picture.press:
            page.locator("main").get_by_role("button", name=picture.press).first.click()
            page.wait_for_load_state()
        if response and response.status != picture.status:
            self.problems.append(f"{picture.name}: {page.url} returns {response.status}")

    def take_failures(self) -> None:
        """Take the pages of failures, rendered here, with the styles of the site."""
        page = self._open_session("").new_page()
        for name, context in FAILURES.items():
            body = loader.render_to_string(f"{name}.html", dict(context))
            page.route(f"**/failure-{name}/", partial(_answer, body))
            page.goto(f"/failure-{name}/")
            self._take(page, f"error-{name}")
        page.close()

    def take_components(self) -> None:
        """Take each section of the style guide."""
        page = self._open_session("admin").new_page()
        page.goto("/styleguide/")
        page.evaluate(HOLD_CLOCK, [FIXED_DAY, self.today])
        for mode, (width, height), scheme, media in MODES:
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=scheme, media=media, reduced_motion="reduce")  # type: ignore[arg-type]
            for section in page.locator("main section.specimen").all():
                name = section.get_attribute("aria-labelledby")
                section.screenshot(path=self.folder / f"part-{name}.{mode}.png", animations="disabled")
        page.close()

    def close(self) -> None:
        """Close the sessions."""
        for context in self._contexts.values():
            context.close()

    def _open_session(self, user: str) -> BrowserContext:
        if user not in self._contexts:
            context = self.browser.new_context(base_url=self.base_url)
            self._contexts[user] = context
            if user:
                page = context.new_page()
                page.goto("/accounts/login/")
                page.get_by_label("Username").fill(user)
                page.get_by_label("Password").fill(self.passwords[user])
                page.get_by_role("button", name="Sign in").click()
                page.wait_for_url(re.compile("/$"))
                page.close()
        return self._contexts[user]

    def _take(self, page: Page, name: str) -> None:
        # Once only: dates that were moved would move again.
        page.evaluate(HOLD_CLOCK, [FIXED_DAY, self.today])
        for mode, (width, height), scheme, media in MODES:
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=scheme, media=media, reduced_motion="reduce")  # type: ignore[arg-type]
            full_width, full_height = page.evaluate(
                "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
            )
            if full_width > width and mode == "narrow":
                self.problems.append(f"{name}: {page.url} is {full_width} pixels wide in a window of {width}")
            clip = {"x": 0, "y": 0, "width": width, "height": min(full_height, MAX_HEIGHT)}
            page.screenshot(
                path=self.folder / f"{name}.{mode}.png",
                full_page=True,
                clip=clip,  # type: ignore[arg-type]
                animations="disabled",
            )
