"""References to content are added and released through the database's functions, by those who may."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction

from ncfd_site.roles import Role
from storage.models import StorageObject, StorageReference
from storage.services import ReferenceRefused, add_reference, release_reference
from tests import factories

pytestmark = pytest.mark.django_db

SHA256 = "ab" * 32


@pytest.fixture
def olga() -> User:
    return factories.make_user(Role.OPERATOR)


def test_a_first_reference_makes_the_content_known(olga: User) -> None:
    assert add_reference(SHA256, "local", "document", 1, actor=olga) == 1
    content = StorageObject.objects.get(sha256=SHA256)
    assert (content.backend_type, content.refcount) == ("local", 1)


def test_references_are_counted_once_each(olga: User) -> None:
    assert add_reference(SHA256, "s3", "document", 1, actor=olga) == 1
    assert add_reference(SHA256, "s3", "document", 1, actor=olga) == 1
    assert add_reference(SHA256, "s3", "study", 1, actor=olga) == 2
    assert release_reference(SHA256, "s3", "document", 1, actor=olga) == 1
    assert release_reference(SHA256, "s3", "document", 1, actor=olga) == 1
    assert release_reference(SHA256, "s3", "study", 1, actor=olga) == 0
    assert not StorageReference.objects.exists()


def test_releasing_from_content_that_is_not_known_is_nothing(olga: User) -> None:
    assert release_reference(SHA256, "local", "document", 1, actor=olga) == 0
    assert not StorageObject.objects.exists()


@pytest.mark.parametrize("change", [add_reference, release_reference])
@pytest.mark.parametrize("role", [Role.REVIEWER, Role.ADJUDICATOR, Role.ANALYST, None])
def test_nobody_but_operators_changes_references(role: Role | None, change: Callable[..., int]) -> None:
    with pytest.raises(PermissionDenied, match=r"storage\.reference_storageobject"):
        change(SHA256, "local", "document", 1, actor=factories.make_user(role))
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
        change(*given, actor=olga)
    message = str(refused.value)
    assert "nothing was changed" in message
    assert "\n" not in message
    assert "PL/pgSQL" not in message
    # The caller's own transaction goes on.
    assert StorageObject.objects.count() == 0


def test_a_rollback_takes_the_reference_back(olga: User) -> None:
    with transaction.atomic():
        add_reference(SHA256, "local", "document", 1, actor=olga)
        transaction.set_rollback(True)
    assert not StorageObject.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_content_that_is_locked_for_too_long_is_a_sentence(olga: User) -> None:
    add_reference(SHA256, "local", "document", 1, actor=olga)
    holder = connection.copy()
    try:
        with transaction.atomic(), holder.cursor() as cursor, connection.cursor() as own:
            cursor.execute("BEGIN")
            cursor.execute("SELECT 1 FROM storage_objects FOR UPDATE")
            own.execute("SET LOCAL lock_timeout = '50ms'")
            with pytest.raises(ReferenceRefused, match="lock timeout"):
                add_reference(SHA256, "local", "document", 2, actor=olga)
            cursor.execute("ROLLBACK")
    finally:
        holder.close()
