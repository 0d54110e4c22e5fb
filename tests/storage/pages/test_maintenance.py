"""Operators preview and start maintenance."""

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
from storage.garbage_collection import GcOptions
from storage.jobs import start_garbage_collection, start_move, start_verification
from storage.models import StorageObject
from storage.tiers import MoveOptions
from tests import factories
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db

VERIFICATION = {"only": ["counts", "hashes"], "sample": "12.5"}
COLLECTION = {"grace_days": "45", "retention_minutes": "90", "max_delete_percent": "60"}
MOVE = {"to": "s3", "older_than_days": "", "larger_than": "4", "limit": "7"}


def send(client: Client, name: str, **given: Any) -> Any:
    return client.post(reverse(f"storage:{name}"), given)


def get_started_job(answer: Any) -> Job:
    """Return the job that a form started, after checking redirect and message."""
    job = Job.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == reverse("jobs:job", args=[job.pk])
    assert f"Job {job.pk} queued." in read_messages(answer)
    return job


def read_messages(answer: Any) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def create_garbage(number: int, days: int = 50) -> list[StorageObject]:
    """Create unreferenced objects and one referenced object."""
    sql.scalar("increment_storage_refcount", "ab" * 32, "local", "document", 1)
    rows = [factories.make_storage_object(size_bytes=1024) for _ in range(number)]
    sql.execute(
        "UPDATE storage_objects SET last_accessed = now() - make_interval(days => %s) WHERE refcount = 0", [days]
    )
    return rows


def test_verification_is_started_with_its_options(olga: Client) -> None:
    job = get_started_job(send(olga, "verify", **VERIFICATION))
    assert (job.kind, job.arguments) == ("storage_verify", {"only": ["counts", "hashes"], "sample": 12.5})
    assert job.requested_by == "olga"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"sample": "100"}, "Select at least one check."),
        ({**VERIFICATION, "only": ["everything"]}, "everything is not one of the available choices"),
        ({**VERIFICATION, "sample": "0"}, "greater than or equal to 0.01"),
        ({**VERIFICATION, "sample": "101"}, "less than or equal to 100"),
        ({**VERIFICATION, "sample": "nan"}, "Enter a number."),
    ],
)
def test_invalid_verification_form_is_rejected(given: Any, error: str, olga: Client) -> None:
    page = send(olga, "verify", **given)
    assert page.status_code == 400
    assert error in text_of(page)
    assert not Job.objects.exists()


def test_garbage_collection_shows_a_preview(olga: Client) -> None:
    create_garbage(3)
    factories.make_document(object=create_garbage(1)[0])
    page = olga.get(reverse("storage:garbage_collection"), COLLECTION)
    words = text_of(page)
    assert "3 of 5 objects, 3.0 KiB." in words
    assert "unused for 45 days" in words
    assert "the data by the first garbage collection after 90 minutes" in words
    # One object of five without its reference looks like lost references.
    assert "Blocked. 1 objects of documents or studies have no reference" in words
    assert "confirm" not in page.content.decode()


def test_confirmed_garbage_collection_is_started(olga: Client) -> None:
    create_garbage(1)
    page = olga.get(reverse("storage:garbage_collection"), COLLECTION)
    assert "Delete 1 object (1.0 KiB). This cannot be undone." in text_of(page)
    job = get_started_job(send(olga, "garbage_collection", **COLLECTION, confirm="on"))
    assert job.kind == "storage_gc"
    assert job.arguments == {"grace_days": 45, "retention_minutes": 90, "max_delete_percent": 60.0}


def test_unconfirmed_garbage_collection_is_not_started(olga: Client) -> None:
    create_garbage(1)
    page = send(olga, "garbage_collection", **COLLECTION)
    assert page.status_code == 400
    words = text_of(page)
    assert "Nothing was started. Confirm to continue." in words
    assert "1 of 2 objects" in words
    assert not Job.objects.exists()


def test_nothing_to_delete_needs_no_confirmation(olga: Client) -> None:
    create_garbage(2, days=3)
    page = olga.get(reverse("storage:garbage_collection"))
    assert "No garbage: every unreferenced object was used in the last 30 days." in text_of(page)
    assert "confirm" not in page.content.decode()


def test_second_garbage_collection_is_rejected_while_one_is_open(olga: Client) -> None:
    create_garbage(1)
    first = get_started_job(send(olga, "garbage_collection", **COLLECTION, confirm="on"))
    again = send(olga, "garbage_collection", **COLLECTION, confirm="on")
    assert again["Location"] == reverse("storage:content")
    assert f"job {first.pk} of olga is queued" in read_messages(again)
    page = olga.get(reverse("storage:content"))
    assert f"Job {first.pk}: Collect garbage by olga" in text_of(page)
    assert "queued" in text_of(page)


def test_move_shows_a_preview(olga: Client) -> None:
    content = factories.make_storage_object(size_bytes=5 * 1024)
    sql.scalar("increment_storage_refcount", content.sha256, "local", "document", 1)
    page = olga.get(reverse("storage:move"), MOVE)
    assert "1 object from local disk to S3, 5.0 KiB." in text_of(page)
    assert "Nothing to move" in text_of(olga.get(reverse("storage:move"), {**MOVE, "to": "local"}))
    assert "Nothing to move" in text_of(olga.get(reverse("storage:move"), {**MOVE, "larger_than": "5"}))
    unconfirmed = send(olga, "move", **MOVE)
    assert unconfirmed.status_code == 400
    job = get_started_job(send(olga, "move", **MOVE, confirm="on"))
    assert job.kind == "storage_tier"
    assert job.arguments == {"to": "s3", "older_than_days": None, "larger_than": 4096, "limit": 7}


@pytest.mark.parametrize("name", ["garbage_collection", "move"])
@pytest.mark.parametrize("field", ["grace_days", "max_delete_percent", "to", "limit"])
@pytest.mark.parametrize("value", ["-1", "x", "9" * 30, "'; DROP TABLE trials; --", "<b>", "\0"])
def test_invalid_parameters_start_nothing(name: str, field: str, value: str, olga: Client) -> None:
    for answer in (
        olga.get(reverse(f"storage:{name}"), {field: value}),
        send(olga, name, **{field: value, "confirm": "on"}),
    ):
        assert answer.status_code in (200, 400) or field not in (*COLLECTION, *MOVE) or Job.objects.exists()
        assert b"<b>" not in answer.content
    known = {"garbage_collection": COLLECTION, "move": MOVE}[name]
    assert Job.objects.exists() is (field not in known)


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.ADJUDICATOR, Role.ANALYST, None])
def test_only_operators_start_maintenance(role: Role | None) -> None:
    user = factories.make_user(role)
    starts: list[Callable[[], Job]] = [
        lambda: start_verification(["counts"], 100, actor=user),
        lambda: start_garbage_collection(GcOptions(), actor=user),
        lambda: start_move(MoveOptions(to="s3"), actor=user),
    ]
    for start in starts:
        with pytest.raises(PermissionDenied, match=r"storage\.operate_storageobject"):
            start()
    assert not Job.objects.exists()
