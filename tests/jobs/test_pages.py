"""Pages of jobs: permissions, text and actions."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ncfd_site.core.lists import PAGE_SIZE
from ncfd_site.core.roles import Role
from ncfd_site.jobs import queue
from ncfd_site.jobs.models import Job
from ncfd_site.jobs.presentation import Snapshot
from tests.factories import make_job_task, make_user
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db

State = Job.State


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def make_job(**fields: Any) -> Job:
    """A job as the database keeps it: what a state demands is filled in."""
    state = fields.get("state", State.QUEUED)
    if state == State.RUNNING:
        is_held = fields.pop("is_held", True)
        fields = {"started_at": Now(), "worker": "w", "task_id": make_job_task(is_held=is_held), **fields}
    elif state != State.QUEUED:
        fields = {"finished_at": Now(), "started_at": Now(), **fields}
    job = Job.objects.create(**{"kind": "test_count", "arguments": {"to": 9}, "requested_by": "olga", **fields})
    job.refresh_from_db()
    return job


def test_only_operators_and_analysts_see_jobs(olga: User, ana: User) -> None:
    job = make_job(state=State.RUNNING)
    pages = [reverse("jobs:jobs"), *(reverse(f"jobs:{name}", args=[job.pk]) for name in ("job", "progress"))]
    for page in pages:
        assert [browser(person).get(page).status_code for person in (olga, ana)] == [200, 200]
        assert browser(make_user(username=f"rita of {page}")).get(page).status_code == 403
    assert Client().get(pages[0]).status_code == 302
    # The requesting page is made to reload, and asks to sign in.
    assert Client().get(pages[2]).headers["HX-Refresh"] == "true"
    assert ">Jobs</a>" in browser(ana).get("/").content.decode()
    assert ">Jobs</a>" not in browser(make_user()).get("/").content.decode()


def test_without_jobs_the_page_names_what_starts_them(ana: User) -> None:
    words = text_of(browser(ana).get("/jobs/"))
    assert "No jobs yet." in words
    assert "manage.py run_jobs" in words
    assert "No jobs match the filters." in text_of(browser(ana).get("/jobs/?state=failed"))


def test_the_list_shows_running_jobs_with_progress(ana: User) -> None:
    make_job(state=State.RUNNING, step="counting", done=1200, total=5000, unit="sheep")
    make_job(kind="of_yesterday", state=State.DONE, result={})
    make_job(kind="test_fail", state=State.FAILED, error="The scales are broken.", arguments={})
    words = text_of(browser(ana).get("/jobs/"))
    assert "Count sheep Up to 9 of them. ↻ running 1,200 of 5,000 sheep, 24 %" in words
    assert "of_yesterday ✓ done" in words
    assert words.index("Weigh sheep") < words.index("of_yesterday") < words.index("Count sheep Up")


def test_the_list_is_filtered_by_state_and_kind(ana: User) -> None:
    client = browser(ana)
    numbers = {
        "running": make_job(state=State.RUNNING).pk,
        "queued": make_job().pk,
        "done": make_job(kind="test_fail", state=State.DONE, result={}).pk,
    }

    def listed(query: str) -> set[int]:
        return {job.pk for job in client.get(f"/jobs/?{query}").context["page"].rows}

    assert listed("") == set(numbers.values())
    assert listed("state=open") == {numbers["running"], numbers["queued"]}
    assert listed("state=done") == {numbers["done"]}
    assert listed("kind=test_count&state=queued") == {numbers["queued"]}
    assert listed("kind=gone") == set()
    assert "Invalid filter" in text_of(client.get("/jobs/?state=odd"))


def test_the_list_has_pages_and_asks_as_much_for_many_as_for_few(ana: User) -> None:
    client = browser(ana)
    make_job()
    client.get("/jobs/")
    with CaptureQueriesContext(connection) as few:
        client.get("/jobs/")
    for _ in range(PAGE_SIZE):
        make_job(state=State.RUNNING, done=1, total=2, unit="sheep")
    with CaptureQueriesContext(connection) as many:
        first = text_of(client.get("/jobs/"))
    # A page that is not the last counts the rows.
    assert (len(few), len(many)) == (5, 6)
    assert "Rows 1 to 50 of 51 Next page" in first
    assert "Rows 51 to 51 of 51 Previous page" in text_of(client.get("/jobs/?page=2"))
    assert "This page is empty." in text_of(client.get("/jobs/?page=3"))


def test_a_running_job_has_a_bar_and_a_button(olga: User, ana: User) -> None:
    job = make_job(state=State.RUNNING, step="counting the flock", done=3, total=9, unit="sheep")
    page = browser(olga).get(f"/jobs/{job.pk}/")
    html, words = page.content.decode(), text_of(page)
    assert '<progress max="9" value="3"' in html
    assert "↻ running Counting the flock. 3 of 9 sheep, 33 %" in words
    assert "Cancel this job" in words
    assert '<noscript><meta http-equiv="refresh" content="5;url=?' in html
    assert "style=" not in html
    assert "Cancel this job" not in text_of(browser(ana).get(f"/jobs/{job.pk}/"))


def test_the_time_that_is_left_follows_from_the_pace_while_watching(olga: User) -> None:
    job = make_job(state=State.RUNNING, step="counting", done=300, total=900, unit="sheep")
    seen = Snapshot("running", "counting", 100, timezone.now().timestamp() - 60)
    client = browser(olga)
    words = text_of(client.get(f"/jobs/{job.pk}/progress/?{seen.query_string}"))
    assert words == "300 of 900 sheep, 33 %, about 3 minutes remaining"
    # Another step has another rate and another title.
    other = Snapshot("running", "shearing", 100, timezone.now().timestamp() - 60)
    words = text_of(client.get(f"/jobs/{job.pk}/progress/?{other.query_string}"))
    assert words == "300 of 900 sheep, 33 % ↻ running Counting."
    for odd in ("done=x", "at=nan", "at=1e400", "done=-1&at=1", "step=%00&at=1"):
        assert client.get(f"/jobs/{job.pk}/progress/?{odd}").status_code == 200


def test_the_page_reloads_when_a_job_has_finished(olga: User) -> None:
    job = make_job(state=State.DONE, result={})
    assert browser(olga).get(f"/jobs/{job.pk}/progress/").headers["HX-Refresh"] == "true"
    html = browser(olga).get(f"/jobs/{job.pk}/").content.decode()
    assert "hx-get" not in html
    assert "http-equiv" not in html


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "○ queued"),
        ({"requested_at": "2024-01-01T00:00Z"}, "no worker is running (manage.py run_jobs)"),
        ({"state": State.RUNNING, "is_held": False}, "⚠ interrupted The worker was lost"),
        (
            {"state": State.RUNNING, "canceled_by": "olga", "canceled_at": "2024-01-01T00:00Z"},
            "↻ stopping olga requested cancellation.",
        ),
        ({"state": State.RUNNING, "step": "looking", "done": 1234, "unit": "sheep"}, "1,234 sheep so far"),
        (
            {"state": State.CANCELED, "canceled_by": "adam", "done": 3, "total": 9, "unit": "sheep"},
            "■ canceled By adam. Finished work is kept. 3 of 9 sheep",
        ),
        ({"state": State.FAILED, "error": "The scales are broken."}, "✗ failed The scales are broken."),
        ({"state": State.DONE, "result": {"counted": 9}}, "Result 9 sheep were counted."),
        ({"state": State.DONE, "result": {"odd": 1}}, "Unknown result type."),
        ({"state": State.DONE, "result": {}, "kind": "of_yesterday"}, "Unknown result type."),
    ],
)
def test_a_job_is_described(ana: User, fields: dict[str, Any], sentence: str) -> None:
    job = make_job(**fields)
    assert sentence in text_of(browser(ana).get(f"/jobs/{job.pk}/"))
    assert browser(ana).get("/jobs/").status_code == 200


def test_canceling_and_resuming_by_the_buttons(olga: User) -> None:
    job = make_job()
    client = browser(olga)
    page = client.post(f"/jobs/{job.pk}/cancel/", follow=True)
    assert f"Job {job.pk} canceled." in text_of(page)
    assert "Resume" in text_of(page)
    assert "There is nothing to cancel" in text_of(client.post(f"/jobs/{job.pk}/cancel/", follow=True))
    page = client.post(f"/jobs/{job.pk}/resume/", follow=True)
    assert f"Job {job.pk} queued; it resumes from its checkpoint." in text_of(page)
    job.refresh_from_db()
    assert job.state == State.QUEUED


def test_a_job_that_runs_is_asked_to_end(olga: User) -> None:
    job = make_job(state=State.RUNNING)
    page = text_of(browser(olga).post(f"/jobs/{job.pk}/cancel/", follow=True))
    assert f"Job {job.pk} is stopping." in page
    assert "Cancel this job" not in page


def test_the_buttons_are_for_those_who_may_start_the_work_and_for_posts(ana: User, olga: User) -> None:
    job = make_job()
    for name in ("cancel", "resume"):
        assert browser(ana).post(f"/jobs/{job.pk}/{name}/").status_code == 403
        assert browser(olga).get(f"/jobs/{job.pk}/{name}/").status_code == 405
        assert browser(make_user(Role.REVIEWER, f"rita {name}")).post(f"/jobs/{job.pk}/{name}/").status_code == 403
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(olga)
    assert strict.post(f"/jobs/{job.pk}/cancel/").status_code == 403
    job.refresh_from_db()
    assert job.state == State.QUEUED


def test_a_job_of_a_kind_that_is_gone_is_left_alone(olga: User) -> None:
    job = make_job(kind="of_yesterday")
    page = text_of(browser(olga).post(f"/jobs/{job.pk}/cancel/", follow=True))
    assert "does not know the type of this job" in page


def test_a_job_that_is_not_there_is_not_found(olga: User) -> None:
    for address in ("/jobs/99/", "/jobs/99/progress/", "/jobs/99999999999999999999999/"):
        assert browser(olga).get(address).status_code == 404
    assert browser(olga).post("/jobs/99/cancel/").status_code == 404


def test_an_exclusive_job_that_cannot_resume_shows_the_reason(olga: User) -> None:
    first = queue.cancel(queue.start("test_shear", {"to": 1}, actor=olga).pk, actor=olga)
    second = queue.start("test_shear", {"to": 1}, actor=olga)
    page = text_of(browser(olga).post(f"/jobs/{first.pk}/resume/", follow=True))
    assert f"Another job of this type is open: job {second.pk} of olga is queued." in page
