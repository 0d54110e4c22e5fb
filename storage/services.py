"""Manual changes of references. Counts are maintained by the database's functions."""

from django.contrib.auth.models import User
from django.db import Error, transaction

from ncfd_site.config.errors import UserError
from ncfd_site.core import sql
from ncfd_site.core.permissions import check_permission
from storage.models import StorageEvent, StorageObject

REFERENCE_PERMISSION = "storage.reference_storageobject"


class ReferenceChangeError(UserError):
    """A reference was not changed; the message contains the reason."""


def add_reference(
    sha256: str, backend_type: str, reference_type: str, reference_id: int, *, reason: str, actor: User
) -> int:
    """Add a reference, record it with the reason, and return the new refcount.

    An existing reference changes nothing and is not recorded. An unknown object is created with size 0. Raises
    PermissionDenied without `storage.reference_storageobject`, and ReferenceChangeError without a reason or if the
    database rejects the change.
    """
    key = (sha256, backend_type, reference_type, reference_id)
    return _change_reference("increment_storage_refcount", "reference_added", "added", key, reason, actor)


def release_reference(
    sha256: str, backend_type: str, reference_type: str, reference_id: int, *, reason: str, actor: User
) -> int:
    """Release a reference, record it with the reason, and return the new refcount, 0 for an unknown object.

    A missing reference changes nothing and is not recorded. Nothing is deleted: without references, the object becomes
    garbage after the grace period. Raises as `add_reference` does.
    """
    key = (sha256, backend_type, reference_type, reference_id)
    return _change_reference("decrement_storage_refcount", "reference_released", "released", key, reason, actor)


def _change_reference(
    function: str, action: str, done: str, key: tuple[str, str, str, int], reason: str, actor: User
) -> int:
    sha256, backend_type, reference_type, reference_id = key
    check_permission(actor, REFERENCE_PERMISSION, "Changing references")
    failure = (
        f"The reference from {reference_type} {reference_id} to {sha256[:12]} in {backend_type} was not {done}, and "
        "nothing was changed: "
    )
    if not reason.strip():
        raise ReferenceChangeError(f"{failure}enter a reason.")
    try:
        # A savepoint keeps the caller's transaction usable after a database error.
        with transaction.atomic():
            same = StorageObject.objects.filter(sha256=sha256, backend_type=backend_type)
            # The function takes the same lock, so that a difference is due to this call.
            before = same.select_for_update(no_key=True).values_list("refcount", flat=True).first()
            count = int(sql.scalar(function, *key))
            if count != (before or 0):
                detail = {"reference_type": reference_type, "reference_id": reference_id, "refcount": count}
                StorageEvent.objects.create(
                    actor=actor.get_username(),
                    action=action,
                    object_id=same.get().pk,
                    sha256=sha256,
                    backend_type=backend_type,
                    detail=detail,
                    reason=reason.strip(),
                )
            return count
    except Error as error:
        # The first line is the function's message, the rest its context.
        message = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
        raise ReferenceChangeError(f"{failure}{message}.") from error
