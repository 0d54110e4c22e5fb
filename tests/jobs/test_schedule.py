"""Periodic work: what is due starts once, and operators change it."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client
from django.utils import timezone

from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from ncfd_site.jobs import job_types, schedule, worker
from ncfd_site.jobs.job_types import Schedule
from ncfd_site.jobs.models import Job, JobSchedule
from ncfd_site.jobs.queue import JobError
from ncfd_site.jobs.schedule import ScheduleError
from tests.factories import make_user
from tests.jobs.conftest import LIMIT, expire_heartbeats, run, wait_for, working
from tests.jobs.counting import SECRET
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db(transaction=True)

State = Job.State
NAME = "count-sheep"


@pytest.fixture(autouse=True)
def _defaults(_kinds: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, default in (
        ("test_count", Schedule(NAME, "0 3 * * *", {"to": 2})),
        ("test_shear", Schedule("shear-sheep", "*/5 * * * *", {"to": 1})),
        ("test_fail", Schedule("weigh-sheep", "0 4 * * 1", {"how": "refusal"})),
    ):
        known = job_types.find_job_type(kind)
        monkeypatch.setitem(job_types._registry._items, kind, replace(known, schedules=(default,)))


@pytest.fixture
def failures(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """The jobs that a listener was called with."""
    found: list[Job] = []
    monkeypatch.setattr(job_types, "failure_listeners", [])
    job_types.on_failure(found.append)
    return found


def switch_on(olga: User, name: str = NAME) -> JobSchedule:
    found = schedule.find_schedule(name)
    return schedule.change_schedule(name, cron=found.cron, arguments=found.arguments, is_active=True, actor=olga)


def make_due(ago: str = "1 minute") -> None:
    sql.execute("UPDATE job_schedules SET next_at = now() - %s::interval WHERE next_at IS NOT NULL", [ago])


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_defaults_are_off_until_switched_on(olga: User) -> None:
    names = {one.name: one for one in schedule.list_schedules()}
    assert {
        "back-up", "restore-drill", "prune", "export-snapshot", "score-trials", "verify-scores", "verify-counts",
        "verify-hashes", "collect-garbage", "check-drift", NAME
    } <= names.keys()  # fmt: skip
    assert {(one.next_at, one.problem) for one in names.values()} == {(None, "")}
    assert "⚠" not in text_of(browser(olga).get("/jobs/schedule/"))
    assert run() == []
    assert not Job.objects.exists()


def test_each_default_is_valid() -> None:
    for one in schedule.list_schedules():
        schedule.check_parameters(one.kind, one.arguments)
        assert schedule.compute_next_run(one.cron, timezone.now()) > timezone.now()
        assert json.loads(json.dumps(one.arguments)) == one.arguments


def test_what_is_due_runs_as_a_job_and_names_the_next_run(olga: User) -> None:
    saved = switch_on(olga)
    assert saved.next_at is not None
    assert saved.next_at > timezone.now()
    assert (saved.next_at.hour, saved.next_at.minute, saved.changed_by) == (3, 0, "olga")
    assert run() == []
    make_due()
    log = run()
    job = Job.objects.get()
    assert log[-1] == f"Job {job.pk} is done: 2 sheep were counted."
    assert (job.kind, job.arguments, job.requested_by, job.schedule) == ("test_count", {"to": 2}, "schedule", NAME)
    saved.refresh_from_db()
    assert saved.next_at > timezone.now()
    assert run() == []


def test_missed_runs_start_once_after_downtime(olga: User) -> None:
    switch_on(olga, "shear-sheep")
    make_due("3 days")
    assert len(run()) == 2
    assert Job.objects.count() == 1
    next_at = JobSchedule.objects.get().next_at
    assert next_at is not None
    assert timezone.now() < next_at <= timezone.now() + timedelta(minutes=5)


def test_of_many_workers_one_starts_it(olga: User) -> None:
    for _ in range(5):
        switch_on(olga)
        make_due()

        def start(_: int) -> None:
            try:
                schedule.start_due()
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(start, range(16)))
        assert Job.objects.filter(state=State.QUEUED).count() == 1
        Job.objects.all().update(state=State.CANCELED, finished_at=timezone.now(), canceled_by="olga")


def test_two_workers_run_it_once_and_while_they_work(olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "HEARTBEAT", 0.1)
    switch_on(olga)
    with working(), working():
        make_due()
        end = time.monotonic() + LIMIT
        while not Job.objects.exists() and time.monotonic() < end:
            time.sleep(0.05)
        job = wait_for(Job.objects.get(), lambda job: job.finished_at is not None)
    assert job.state == State.DONE
    assert (job.schedule, Job.objects.count()) == (NAME, 1)


def test_a_paused_schedule_starts_nothing(olga: User) -> None:
    switch_on(olga)
    make_due()
    client = browser(olga)
    for _ in range(2):
        page = text_of(client.post(f"/jobs/schedule/{NAME}/switch/", {"to": "off"}, follow=True))
        assert f"Schedule {NAME} paused." in page
    assert run() == []
    page = text_of(client.post(f"/jobs/schedule/{NAME}/switch/", {"to": "on"}, follow=True))
    assert f"Schedule {NAME} switched on." in page
    # The missed run was not a run of a schedule that is on.
    assert run() == []


def test_a_run_that_is_still_open_is_named_and_not_doubled(olga: User) -> None:
    switch_on(olga)
    job = schedule.start_now(NAME, actor=olga)
    make_due()
    schedule.start_due()
    assert Job.objects.count() == 1
    saved = JobSchedule.objects.get()
    assert saved.problem == (
        f"The last run did not start. Job {job.pk} of this schedule is queued. Wait until it is finished."
    )
    assert saved.problem in text_of(browser(olga).get("/jobs/schedule/"))
    with pytest.raises(JobError, match=f"Job {job.pk} of this schedule is queued"):
        schedule.start_now(NAME, actor=olga)
    run()
    make_due()
    schedule.start_due()
    saved.refresh_from_db()
    assert (saved.problem, Job.objects.count()) == ("", 2)


@pytest.mark.parametrize(
    ("cron", "sentence"),
    [
        ("", "This field is required."),
        ("* * * *", 'Cannot read the cron expression "* * * *". Write minute, hour, day, month and weekday'),
        ("* * * * * *", "Write minute, hour, day, month and weekday"),
        ("61 * * * *", 'Cannot read the cron expression "61 * * * *": '),
        ("0 0 30 2 *", 'Cannot read the cron expression "0 0 30 2 *": '),
        ("a b c d e", 'Cannot read the cron expression "a b c d e": '),
    ],
)
def test_a_bad_cron_expression_is_explained(olga: User, cron: str, sentence: str) -> None:
    answer = browser(olga).post(f"/jobs/schedule/{NAME}/", {"cron": cron, "arguments": '{"to": 1}', "is_active": "on"})
    assert answer.status_code == 400
    assert sentence in text_of(answer)
    assert not JobSchedule.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("{", "Enter a valid JSON."),
        ('{"up": 1}', "KeyError('to')"),
        ("[1]", "does not accept"),
        ('{"to": NaN}', "does not accept"),
        ('{"to": "\\u0000"}', "NUL"),
    ],
)
def test_bad_parameters_are_explained(olga: User, arguments: str, sentence: str) -> None:
    answer = browser(olga).post(f"/jobs/schedule/{NAME}/", {"cron": "0 1 * * *", "arguments": arguments})
    assert answer.status_code == 400
    assert sentence in text_of(answer)
    assert not JobSchedule.objects.exists()


def test_a_bad_expression_from_elsewhere_switches_the_schedule_off(olga: User) -> None:
    switch_on(olga)
    sql.execute("UPDATE job_schedules SET cron = 'daily', next_at = now()")
    schedule.start_due()
    saved = JobSchedule.objects.get()
    assert saved.next_at is None
    assert saved.problem.startswith('Switched off. Cannot read the cron expression "daily".')
    assert not Job.objects.exists()


def test_the_page_changes_a_schedule_and_shows_its_runs(olga: User, ana: User) -> None:
    client = browser(olga)
    given = {"cron": "30 1 * * 1-5", "arguments": '{"to": 7}', "is_active": "on"}
    page = text_of(client.post(f"/jobs/schedule/{NAME}/", given, follow=True))
    assert f"Schedule {NAME} saved." in page
    assert "Up to 7 of them." in page
    saved = JobSchedule.objects.get()
    assert (saved.cron, saved.arguments, saved.changed_by) == ("30 1 * * 1-5", {"to": 7}, "olga")
    answer = client.post(f"/jobs/schedule/{NAME}/run/")
    job = Job.objects.get()
    assert answer["Location"] == f"/jobs/{job.pk}/"
    assert (job.requested_by, job.schedule) == ("olga", NAME)
    run()
    for user in (olga, ana):
        words = text_of(browser(user).get("/jobs/schedule/"))
        assert "Count sheep Up to 7 of them. 30 1 * * 1-5" in words
        assert "✓ done" in words
        assert "7 sheep were counted." in text_of(browser(user).get(f"/jobs/schedule/{NAME}/"))
    assert ("Run now" in text_of(client.get("/jobs/schedule/"))) is True
    assert "Run now" not in text_of(browser(ana).get("/jobs/schedule/"))


def test_who_does_not_operate_may_change_and_run_nothing(olga: User, ana: User) -> None:
    client = browser(ana)
    given = {"cron": "30 1 * * *", "arguments": "{}"}
    for address in ("", "switch/", "run/"):
        assert client.post(f"/jobs/schedule/{NAME}/{address}", given).status_code == 403
        assert (
            browser(make_user(Role.REVIEWER, f"rita {address}")).post(f"/jobs/schedule/{NAME}/{address}").status_code
            == 403
        )
    with pytest.raises(PermissionDenied, match=r"needs the permission jobs\.change_jobschedule"):
        schedule.start_now(NAME, actor=ana)
    assert not JobSchedule.objects.exists()
    assert browser(olga).get("/jobs/schedule/unknown/").status_code == 404


def test_listeners_hear_of_each_failure_once(olga: User, failures: list[Job], caplog: pytest.LogCaptureFixture) -> None:
    def fail(job: Job) -> None:
        raise ValueError(SECRET)

    job_types.failure_listeners.insert(0, fail)
    switch_on(olga, "weigh-sheep")
    make_due()
    run()
    [failed] = failures
    assert (failed.schedule, failed.state, failed.error) == ("weigh-sheep", State.FAILED, "The sheep are not shorn.")
    assert f"A listener of failed jobs failed on job {failed.pk}." in caplog.text
    run()
    assert len(failures) == 1


def test_listeners_hear_of_a_job_that_lost_its_workers(olga: User, failures: list[Job]) -> None:
    job = schedule.start_now(NAME, actor=olga)
    sql.execute("UPDATE site_jobs SET state = 'running', attempts = 5")
    sql.execute("DELETE FROM procrastinate_jobs")
    expire_heartbeats()
    assert run() == []
    assert [(one.pk, one.schedule) for one in failures] == [(job.pk, NAME)]


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        ("30 2 * * *", datetime(2026, 11, 30, 2, 30, tzinfo=UTC), datetime(2026, 12, 1, 2, 30, tzinfo=UTC)),
        ("*/15 * * * *", datetime(2026, 11, 30, 23, 50, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)),
        ("0 5 * * 0", datetime(2026, 11, 30, tzinfo=UTC), datetime(2026, 12, 6, 5, tzinfo=UTC)),
    ],
)
def test_the_next_run_follows_from_the_expression_in_utc(cron: str, after: datetime, expected: datetime) -> None:
    assert schedule.compute_next_run(cron, after) == expected


def test_the_expression_may_not_repeat_within_a_minute() -> None:
    with pytest.raises(ScheduleError, match="minute, hour, day, month and weekday"):
        schedule.compute_next_run("* * * * * */10", timezone.now())


def test_scheduled_verification_of_scores_and_the_check_for_drift_run(olga: User) -> None:
    for name in ("verify-scores", "check-drift", "score-trials", "verify-counts", "collect-garbage"):
        schedule.start_now(name, actor=make_user(Role.OPERATOR, name) if name != "check-drift" else olga)
    run()
    assert {job.kind: (job.state, job.error) for job in Job.objects.all()} == dict.fromkeys(
        ("verify_scores", "check_drift", "score_trials", "storage_verify", "storage_gc"), (State.DONE, None)
    )
