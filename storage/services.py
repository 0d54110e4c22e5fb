"""Writes of the content store's book-keeping: who refers to which content, and why a person changed that.

The database's functions keep the count. Nothing here adds or subtracts, so what they guarantee holds for people too.
"""

from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import Error, transaction

from ncfd_site.config.errors import UserError
from ncfd_site.core import sql
from storage.models import StorageEvent, StorageObject

REFERENCE = "storage.reference_storageobject"


class ReferenceRefused(UserError):
    """The database did not take a change of a reference; the text says why, and that nothing was changed."""


def add_reference(
    sha256: str, backend_type: str, reference_type: str, reference_id: int, *, reason: str, actor: User
) -> int:
    """Record that a row refers to content, with the reason, and return how many references the content has now.

    Adding a reference that is there already changes nothing, and is not recorded. Content that is not known becomes
    known, with size 0. Raises PermissionDenied without `storage.reference_storageobject`, and ReferenceRefused where
    there is no reason or the database refuses.
    """
    key = (sha256, backend_type, reference_type, reference_id)
    return _change("increment_storage_refcount", "reference_added", "added", key, reason, actor)


def release_reference(
    sha256: str, backend_type: str, reference_type: str, reference_id: int, *, reason: str, actor: User
) -> int:
    """Take a reference to content away, record why, and return how many are left; 0 for content that is not known.

    Releasing a reference that is not there changes nothing, and is not recorded. No content is deleted: without
    references it becomes a candidate for cleaning after its time of grace. Raises as `add_reference` does.
    """
    key = (sha256, backend_type, reference_type, reference_id)
    return _change("decrement_storage_refcount", "reference_released", "released", key, reason, actor)


def _change(function: str, action: str, done: str, key: tuple[str, str, str, int], reason: str, actor: User) -> int:
    sha256, backend_type, reference_type, reference_id = key
    if not actor.has_perm(REFERENCE):
        raise PermissionDenied(
            f"Changing references to content needs the permission {REFERENCE}, which {actor.get_username()} does not "
            "have."
        )
    refused = (
        f"The reference {reference_type} {reference_id} to {sha256[:12]} in {backend_type} was not {done}, and "
        "nothing was changed: "
    )
    if not reason.strip():
        raise ReferenceRefused(f"{refused}say why, the record keeps it.")
    try:
        # A savepoint: after an error of the database a caller's own transaction goes on.
        with transaction.atomic():
            same = StorageObject.objects.filter(sha256=sha256, backend_type=backend_type)
            # Under the lock that the function takes too, so that a difference is this call's.
            before = same.select_for_update(no_key=True).values_list("refcount", flat=True).first()
            count = int(sql.scalar(function, *key))
            if count != (before or 0):
                detail = {"reference_type": reference_type, "reference_id": reference_id, "refcount": count}
                _record(action, same.get(), detail, reason.strip(), actor)
            return count
    except Error as error:
        raise ReferenceRefused(f"{refused}{_reason(error)}.") from error


def _record(action: str, content: StorageObject, detail: dict[str, Any], reason: str, actor: User) -> None:
    StorageEvent.objects.create(
        actor=actor.get_username(),
        action=action,
        object_id=content.pk,
        sha256=content.sha256,
        backend_type=content.backend_type,
        detail=detail,
        reason=reason,
    )


def _reason(error: Error) -> str:
    # What the function itself says comes first; the rest of the text is where in its body it said so.
    first = str(error).strip().partition("\n")[0]
    return first.rstrip(".") or type(error).__name__
