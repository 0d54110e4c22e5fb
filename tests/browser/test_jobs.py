"""A job on its page: progress without reloads, cancel and resume by keyboard."""

import pytest
from playwright.sync_api import Page, expect

from ncfd_site.core.roles import Role
from ncfd_site.jobs import job_types, queue
from ncfd_site.jobs.models import Job
from tests.browser.conftest import require_width, sign_in
from tests.factories import make_user
from tests.jobs import counting
from tests.jobs.conftest import working

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG = "a-word-that-does-not-end-" * 12


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_types._registry, "_items", job_types._registry.items())
    counting.register_all()


def test_a_job_is_canceled_and_resumed_by_keyboard(page: Page) -> None:
    olga = make_user(Role.OPERATOR)
    job = queue.start("test_count", {"to": 100_000, "pause": 0.01}, actor=olga)
    sign_in(page, "olga", f"/jobs/{job.pk}/")
    state, bar = page.locator("[aria-live=polite]"), page.get_by_role("progressbar")
    expect(state).to_contain_text("queued")
    expect(bar).to_have_count(0)
    page.get_by_role("button", name="Cancel this job").focus()
    with working():
        expect(state).to_contain_text("running Counting.")
        first = int(str(bar.get_attribute("value")))
        expect(page.get_by_text("remaining")).to_be_visible()
        assert int(str(bar.get_attribute("value"))) > first
        # The update kept the focus.
        expect(page.get_by_role("button", name="Cancel this job")).to_be_focused()
        page.keyboard.press("Enter")
        # The page reloads when the job has finished.
        expect(state).to_contain_text("canceled By olga.")
        expect(page.get_by_role("button", name="Resume")).to_be_visible()
        stopped = Job.objects.get().done
        assert 0 < stopped < 100_000
        page.get_by_role("button", name="Resume").press("Enter")
        expect(state).to_contain_text("running Counting.")
        page.get_by_role("button", name="Cancel this job").click()
        expect(state).to_contain_text("canceled")
        assert Job.objects.get().done > stopped


def test_a_finished_job_shows_its_result_by_itself(page: Page) -> None:
    olga = make_user(Role.OPERATOR)
    job = queue.start("test_count", {"to": 50, "pause": 0.01}, actor=olga)
    sign_in(page, "olga", f"/jobs/{job.pk}/")
    with working():
        expect(page.get_by_text("50 sheep were counted.")).to_be_visible()


def test_the_page_reloads_itself_without_scripts(page: Page) -> None:
    olga = make_user(Role.OPERATOR)
    job = queue.start("test_count", {"to": 50, "pause": 0.01}, actor=olga)
    browser = page.context.browser
    assert browser is not None
    sign_in(page, "olga", f"/jobs/{job.pk}/")
    context = browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state())
    plain = context.new_page()
    plain.goto(page.url)
    with working():
        expect(plain.get_by_text("50 sheep were counted.")).to_be_visible()
    context.close()


def test_pages_fit_the_window(page: Page) -> None:
    make_user(Role.OPERATOR)
    words = {"step": LONG, "unit": LONG, "done": 10**15, "total": 10**18, "requested_by": LONG[:150]}
    failed = {"state": "failed", "error": LONG, "finished_at": "2026-01-01T00:00Z", "worker": LONG}
    job = Job.objects.create(kind=LONG, arguments={LONG: [LONG]}, checkpoint={LONG: LONG}, **words, **failed)
    Job.objects.create(kind="test_count", arguments={"to": LONG}, **words)
    sign_in(page, "olga", "/jobs/")
    for address in ("/jobs/", f"/jobs/{job.pk}/", f"/jobs/{job.pk + 1}/"):
        page.goto(address)
        require_width(page, 1280, 910, 640, 360)
