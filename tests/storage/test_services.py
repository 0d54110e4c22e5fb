"""Manual changes of references use the database's functions and need a permission."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction

from ncfd_site.core.roles import Role
from storage.models import StorageEvent, StorageObject, StorageReference
from storage.services import ReferenceChangeError, add_reference, release_reference
from tests import factories

pytestmark = pytest.mark.django_db

SHA256 = "ab" * 32
REASON = "the page cites it"


@pytest.fixture
def olga() -> User:
    return factories.make_user(Role.OPERATOR)


def test_first_reference_creates_the_object(olga: User) -> None:
    assert add_reference(SHA256, "local", "document", 1, reason=REASON, actor=olga) == 1
    content = StorageObject.objects.get(sha256=SHA256)
    assert (content.backend_type, content.refcount) == ("local", 1)


def test_each_reference_is_counted_once(olga: User) -> None:
    assert add_reference(SHA256, "s3", "document", 1, reason=REASON, actor=olga) == 1
    assert add_reference(SHA256, "s3", "document", 1, reason=REASON, actor=olga) == 1
    assert add_reference(SHA256, "s3", "study", 1, reason=REASON, actor=olga) == 2
    assert release_reference(SHA256, "s3", "document", 1, reason=REASON, actor=olga) == 1
    assert release_reference(SHA256, "s3", "document", 1, reason=REASON, actor=olga) == 1
    assert release_reference(SHA256, "s3", "study", 1, reason=REASON, actor=olga) == 0
    assert not StorageReference.objects.exists()


def test_changes_are_recorded_with_reason(olga: User) -> None:
    add_reference(SHA256, "local", "document", 1, reason=f" {REASON} ", actor=olga)
    release_reference(SHA256, "local", "document", 1, reason="it does not", actor=olga)
    content = StorageObject.objects.get(sha256=SHA256)
    events = [
        (one.action, one.actor, one.reason, one.detail, one.object_id, one.sha256, one.backend_type)
        for one in StorageEvent.objects.order_by("pk")
    ]
    document = {"reference_type": "document", "reference_id": 1}
    assert events == [
        ("reference_added", "olga", REASON, {**document, "refcount": 1}, content.pk, SHA256, "local"),
        ("reference_released", "olga", "it does not", {**document, "refcount": 0}, content.pk, SHA256, "local"),
    ]


def test_unchanged_references_are_not_recorded(olga: User) -> None:
    release_reference(SHA256, "local", "document", 1, reason=REASON, actor=olga)
    add_reference(SHA256, "local", "document", 1, reason=REASON, actor=olga)
    add_reference(SHA256, "local", "document", 1, reason=REASON, actor=olga)
    release_reference(SHA256, "local", "document", 2, reason=REASON, actor=olga)
    assert StorageEvent.objects.count() == 1


@pytest.mark.parametrize("change", [add_reference, release_reference])
@pytest.mark.parametrize("reason", ["", "  ", "a\0b"])
def test_reason_is_required(change: Callable[..., int], reason: str, olga: User) -> None:
    add_reference(SHA256, "local", "document", 1, reason=REASON, actor=olga)
    with pytest.raises(ReferenceChangeError, match="nothing was changed"):
        change(SHA256, "local", "document", 2 if change is add_reference else 1, reason=reason, actor=olga)
    assert StorageReference.objects.count() == 1
    assert StorageEvent.objects.count() == 1


def test_release_from_an_unknown_object_does_nothing(olga: User) -> None:
    assert release_reference(SHA256, "local", "document", 1, reason=REASON, actor=olga) == 0
    assert not StorageObject.objects.exists()


@pytest.mark.parametrize("change", [add_reference, release_reference])
@pytest.mark.parametrize("role", [Role.REVIEWER, Role.ADJUDICATOR, Role.ANALYST, None])
def test_only_operators_change_references(role: Role | None, change: Callable[..., int]) -> None:
    with pytest.raises(PermissionDenied, match=r"storage\.reference_storageobject"):
        change(SHA256, "local", "document", 1, reason=REASON, actor=factories.make_user(role))
    assert not StorageObject.objects.exists()


@pytest.mark.parametrize("change", [add_reference, release_reference])
@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ((SHA256[:-1], "local", "document", 1), "64 hexadecimal digits"),
        ((SHA256, "tape", "document", 1), "local or s3"),
        ((SHA256, "local", "", 1), "1 to 50 characters"),
        ((SHA256, "local", "document", 2**70), "."),
        ((SHA256, "local", "a\0b", 1), "."),
    ],
)
def test_database_error_is_reported_as_a_sentence(
    given: tuple[str, str, str, int], reason: str, change: Callable[..., int], olga: User
) -> None:
    with pytest.raises(ReferenceChangeError, match=reason) as rejected:
        change(*given, reason=REASON, actor=olga)
    message = str(rejected.value)
    assert "nothing was changed" in message
    assert "\n" not in message
    assert "PL/pgSQL" not in message
    # The caller's transaction is usable.
    assert StorageObject.objects.count() == 0


def test_rollback_undoes_reference_and_record(olga: User) -> None:
    with transaction.atomic():
        add_reference(SHA256, "local", "document", 1, reason=REASON, actor=olga)
        transaction.set_rollback(True)
    assert not StorageObject.objects.exists()
    assert not StorageEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_lock_timeout_is_reported_as_a_sentence(olga: User) -> None:
    add_reference(SHA256, "local", "document", 1, reason=REASON, actor=olga)
    holder = connection.copy()
    try:
        with transaction.atomic(), holder.cursor() as cursor, connection.cursor() as own:
            cursor.execute("BEGIN")
            cursor.execute("SELECT 1 FROM storage_objects FOR UPDATE")
            own.execute("SET LOCAL lock_timeout = '50ms'")
            with pytest.raises(ReferenceChangeError, match="lock timeout"):
                add_reference(SHA256, "local", "document", 2, reason=REASON, actor=olga)
            cursor.execute("ROLLBACK")
    finally:
        holder.close()
