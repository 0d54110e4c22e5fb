"""Operators start work on content: first they are told what would happen, then they ask for it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse

from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from ncfd_site.jobs.models import Job
from storage.cleaning import CleaningOptions
from storage.models import StorageObject
from storage.tiers import MoveOptions
from storage.work import start_check, start_cleaning, start_move
from tests import factories
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db

CHECKS = {"only": ["counts", "hashes"], "sample": "12.5"}
CLEANING = {"grace_days": "45", "keep_minutes": "90", "most_percent": "60"}
MOVING = {"to": "s3", "older_than_days": "", "larger_than": "4", "limit": "7"}


def send(client: Client, name: str, **given: Any) -> Any:
    return client.post(reverse(f"storage:{name}"), given)


def started(answer: Any) -> Job:
    """The job that a form started: the answer leads to its page, and says so."""
    job = Job.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == reverse("jobs:job", args=[job.pk])
    assert f"Job {job.pk} waits for a worker." in told(answer)
    return job


def told(answer: Any) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def unused(number: int, days: int = 50) -> list[StorageObject]:
    """Make content that may be cleaned, beside some that something refers to."""
    sql.scalar("increment_storage_refcount", "ab" * 32, "local", "document", 1)
    made = [factories.make_storage_object(size_bytes=1024) for _ in range(number)]
    sql.execute(
        "UPDATE storage_objects SET last_accessed = now() - make_interval(days => %s) WHERE refcount = 0", [days]
    )
    return made


def test_a_check_is_started_as_it_was_chosen(olga: Client) -> None:
    job = started(send(olga, "check", **CHECKS))
    assert (job.kind, job.arguments) == ("storage_verify", {"only": ["counts", "hashes"], "sample": 12.5})
    assert job.requested_by == "olga"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sample": "100"}, "Choose at least one check."),
        ({**CHECKS, "only": ["everything"]}, "everything is not one of the available choices"),
        ({**CHECKS, "sample": "0"}, "greater than or equal to 0.01"),
        ({**CHECKS, "sample": "101"}, "less than or equal to 100"),
        ({**CHECKS, "sample": "nan"}, "Enter a number."),
    ],
)
def test_a_check_with_a_mistake_starts_nothing_and_says_which(given: Any, said: str, olga: Client) -> None:
    page = send(olga, "check", **given)
    assert page.status_code == 400
    assert said in text_of(page)
    assert not Job.objects.exists()


def test_a_cleaning_says_first_how_many_and_how_much(olga: Client) -> None:
    unused(3)
    factories.make_document(object=unused(1)[0])
    page = olga.get(reverse("storage:clean"), CLEANING)
    words = text_of(page)
    assert "3 of 5 contents would go, 3.0 KiB." in words
    assert "they were not used for 45 days" in words
    assert "their bytes 90 minutes later at the earliest" in words
    # One content of five that lost its references looks like lost references.
    assert "A cleaning would refuse this. Documents or studies point to 1 contents that have no reference" in words
    assert "confirm" not in page.content.decode()


def test_a_cleaning_that_is_confirmed_is_started(olga: Client) -> None:
    unused(1)
    page = olga.get(reverse("storage:clean"), CLEANING)
    assert "Delete the 1 content (1.0 KiB). This cannot be taken back." in text_of(page)
    job = started(send(olga, "clean", **CLEANING, confirm="on"))
    assert job.kind == "storage_gc"
    assert job.arguments == {"grace_days": 45, "keep_minutes": 90, "most_percent": 60.0}


def test_a_cleaning_that_is_not_confirmed_is_not_started(olga: Client) -> None:
    unused(1)
    page = send(olga, "clean", **CLEANING)
    assert page.status_code == 400
    words = text_of(page)
    assert "Nothing was started: tick the box once you have read what would go." in words
    assert "1 of 2 contents would go" in words
    assert not Job.objects.exists()


def test_where_nothing_would_go_there_is_nothing_to_confirm(olga: Client) -> None:
    unused(2, days=3)
    page = olga.get(reverse("storage:clean"))
    assert "No content would go: nothing without a reference was unused for 30 days." in text_of(page)
    assert "confirm" not in page.content.decode()


def test_a_second_cleaning_is_refused_while_the_first_is_open(olga: Client) -> None:
    unused(1)
    first = started(send(olga, "clean", **CLEANING, confirm="on"))
    again = send(olga, "clean", **CLEANING, confirm="on")
    assert again["Location"] == reverse("storage:content")
    assert f"job {first.pk}, of olga, is waiting" in told(again)
    page = olga.get(reverse("storage:content"))
    assert f"Job {first.pk}: Clean content by olga" in text_of(page)
    assert "waiting" in text_of(page)


def test_a_move_says_first_what_would_move(olga: Client) -> None:
    content = factories.make_storage_object(size_bytes=5 * 1024)
    sql.scalar("increment_storage_refcount", content.sha256, "local", "document", 1)
    page = olga.get(reverse("storage:move"), MOVING)
    assert "1 content would move from the local disk to S3, 5.0 KiB." in text_of(page)
    assert "No content would move" in text_of(olga.get(reverse("storage:move"), {**MOVING, "to": "local"}))
    assert "No content would move" in text_of(olga.get(reverse("storage:move"), {**MOVING, "larger_than": "5"}))
    unconfirmed = send(olga, "move", **MOVING)
    assert unconfirmed.status_code == 400
    job = started(send(olga, "move", **MOVING, confirm="on"))
    assert job.kind == "storage_tier"
    assert job.arguments == {"to": "s3", "older_than_days": None, "larger_than": 4096, "limit": 7}


@pytest.mark.parametrize("name", ["clean", "move"])
@pytest.mark.parametrize("field", ["grace_days", "most_percent", "to", "limit"])
@pytest.mark.parametrize("value", ["-1", "x", "9" * 30, "'; DROP TABLE trials; --", "<b>", "\0"])
def test_parameters_that_make_no_sense_are_named_and_start_nothing(
    name: str, field: str, value: str, olga: Client
) -> None:
    for answer in (
        olga.get(reverse(f"storage:{name}"), {field: value}),
        send(olga, name, **{field: value, "confirm": "on"}),
    ):
        assert answer.status_code in (200, 400) or field not in (*CLEANING, *MOVING) or Job.objects.exists()
        assert b"<b>" not in answer.content
    known = {"clean": CLEANING, "move": MOVING}[name]
    assert Job.objects.exists() is (field not in known)


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.ADJUDICATOR, Role.ANALYST, None])
def test_nobody_but_operators_starts_work(role: Role | None) -> None:
    somebody = factories.make_user(role)
    starts: list[Callable[[], Job]] = [
        lambda: start_check(["counts"], 100, actor=somebody),
        lambda: start_cleaning(CleaningOptions(), actor=somebody),
        lambda: start_move(MoveOptions(to="s3"), actor=somebody),
    ]
    for start in starts:
        with pytest.raises(PermissionDenied, match=r"storage\.operate_storageobject"):
            start()
    assert not Job.objects.exists()
