"""References to content are added and released through the database's functions, by those who may."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction

from ncfd_site.core.roles import Role
from storage.models import StorageEvent, StorageObject, StorageReference
from storage.services import ReferenceRefused, add_reference, release_reference
from tests import factories

pytestmark = pytest.mark.django_db

SHA256 = "ab" * 32
WHY = "the page cites it"


@pytest.fixture
def olga() -> User:
    return factories.make_user(Role.OPERATOR)


def test_a_first_reference_makes_the_content_known(olga: User) -> None:
    assert add_reference(SHA256, "local", "document", 1, reason=WHY, actor=olga) == 1
    content = StorageObject.objects.get(sha256=SHA256)
    assert (content.backend_type, content.refcount) == ("local", 1)


def test_references_are_counted_once_each(olga: User) -> None:
    assert add_reference(SHA256, "s3", "document", 1, reason=WHY, actor=olga) == 1
    assert add_reference(SHA256, "s3", "document", 1, reason=WHY, actor=olga) == 1
    assert add_reference(SHA256, "s3", "study", 1, reason=WHY, actor=olga) == 2
    assert release_reference(SHA256, "s3", "document", 1, reason=WHY, actor=olga) == 1
    assert release_reference(SHA256, "s3", "document", 1, reason=WHY, actor=olga) == 1
    assert release_reference(SHA256, "s3", "study", 1, reason=WHY, actor=olga) == 0
    assert not StorageReference.objects.exists()


def test_what_changed_is_in_the_record_with_its_reason(olga: User) -> None:
    add_reference(SHA256, "local", "document", 1, reason=f" {WHY} ", actor=olga)
    release_reference(SHA256, "local", "document", 1, reason="it does not", actor=olga)
    content = StorageObject.objects.get(sha256=SHA256)
    told = [
        (one.action, one.actor, one.reason, one.detail, one.object_id, one.sha256, one.backend_type)
        for one in StorageEvent.objects.order_by("pk")
    ]
    document = {"reference_type": "document", "reference_id": 1}
    assert told == [
        ("reference_added", "olga", WHY, {**document, "refcount": 1}, content.pk, SHA256, "local"),
        ("reference_released", "olga", "it does not", {**document, "refcount": 0}, content.pk, SHA256, "local"),
    ]


def test_what_changed_nothing_is_not_in_the_record(olga: User) -> None:
    release_reference(SHA256, "local", "document", 1, reason=WHY, actor=olga)
    add_reference(SHA256, "local", "document", 1, reason=WHY, actor=olga)
    add_reference(SHA256, "local", "document", 1, reason=WHY, actor=olga)
    release_reference(SHA256, "local", "document", 2, reason=WHY, actor=olga)
    assert StorageEvent.objects.count() == 1


@pytest.mark.parametrize("change", [add_reference, release_reference])
@pytest.mark.parametrize("reason", ["", "  ", "a\0b"])
def test_without_a_reason_nothing_is_changed(change: Callable[..., int], reason: str, olga: User) -> None:
    add_reference(SHA256, "local", "document", 1, reason=WHY, actor=olga)
    with pytest.raises(ReferenceRefused, match="nothing was changed"):
        change(SHA256, "local", "document", 2 if change is add_reference else 1, reason=reason, actor=olga)
    assert StorageReference.objects.count() == 1
    assert StorageEvent.objects.count() == 1


def test_releasing_from_content_that_is_not_known_is_nothing(olga: User) -> None:
    assert release_reference(SHA256, "local", "document", 1, reason=WHY, actor=olga) == 0
    assert not StorageObject.objects.exists()


@pytest.mark.parametrize("change", [add_reference, release_reference])
@pytest.mark.parametrize("role", [Role.REVIEWER, Role.ADJUDICATOR, Role.ANALYST, None])
def test_nobody_but_operators_changes_references(role: Role | None, change: Callable[..., int]) -> None:
    with pytest.raises(PermissionDenied, match=r"storage\.reference_storageobject"):
        change(SHA256, "local", "document", 1, reason=WHY, actor=factories.make_user(role))
    assert not StorageObject.objects.exists()


@pytest.mark.parametrize("change", [add_reference, release_reference])
@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ((SHA256[:-1], "local", "document", 1), "64 hexadecimal digits"),
        ((SHA256, "tape", "document", 1), "local or s3"),
        ((SHA256, "local", "", 1), "1 to 50 characters"),
        ((SHA256, "local", "document", 2**70), "."),
        ((SHA256, "local", "docu\0ment", 1), "."),
    ],
)
def test_what_the_database_refuses_is_a_sentence(
    given: tuple[str, str, str, int], reason: str, change: Callable[..., int], olga: User
) -> None:
    with pytest.raises(ReferenceRefused, match=reason) as refused:
        change(*given, reason=WHY, actor=olga)
    message = str(refused.value)
    assert "nothing was changed" in message
    assert "\n" not in message
    assert "PL/pgSQL" not in message
    # The caller's own transaction goes on.
    assert StorageObject.objects.count() == 0


def test_a_rollback_takes_the_reference_back(olga: User) -> None:
    with transaction.atomic():
        add_reference(SHA256, "local", "document", 1, reason=WHY, actor=olga)
        transaction.set_rollback(True)
    assert not StorageObject.objects.exists()
    assert not StorageEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_content_that_is_locked_for_too_long_is_a_sentence(olga: User) -> None:
    add_reference(SHA256, "local", "document", 1, reason=WHY, actor=olga)
    holder = connection.copy()
    try:
        with transaction.atomic(), holder.cursor() as cursor, connection.cursor() as own:
            cursor.execute("BEGIN")
            cursor.execute("SELECT 1 FROM storage_objects FOR UPDATE")
            own.execute("SET LOCAL lock_timeout = '50ms'")
            with pytest.raises(ReferenceRefused, match="lock timeout"):
                add_reference(SHA256, "local", "document", 2, reason=WHY, actor=olga)
            cursor.execute("ROLLBACK")
    finally:
        holder.close()
