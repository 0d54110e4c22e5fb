"""Writes of the content store's book-keeping: who refers to which content.

The database's functions keep the count. Nothing here adds or subtracts, so what they guarantee holds for people too.
"""

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import Error, transaction

from ncfd_site import sql
from ncfd_site.refusals import Refusal

REFERENCE = "storage.reference_storageobject"


class ReferenceRefused(Refusal):
    """The database did not take a change of a reference; the text says why, and that nothing was changed."""


def add_reference(sha256: str, backend_type: str, reference_type: str, reference_id: int, *, actor: User) -> int:
    """Record that a row refers to content, and return how many references the content has now.

    Adding a reference that is there already changes nothing. Content that is not known becomes known, with size 0.
    Raises PermissionDenied without `storage.reference_storageobject`, and ReferenceRefused where the database refuses.
    """
    return _change("increment_storage_refcount", "added", sha256, backend_type, reference_type, reference_id, actor)


def release_reference(sha256: str, backend_type: str, reference_type: str, reference_id: int, *, actor: User) -> int:
    """Take a reference to content away, and return how many are left; 0 for content that is not known.

    Releasing a reference that is not there changes nothing. No content is deleted: without references it becomes a
    candidate for cleaning after its time of grace. Raises as `add_reference` does.
    """
    return _change("decrement_storage_refcount", "released", sha256, backend_type, reference_type, reference_id, actor)


def _change(
    function: str, done: str, sha256: str, backend_type: str, reference_type: str, reference_id: int, actor: User
) -> int:
    if not actor.has_perm(REFERENCE):
        raise PermissionDenied(
            f"Changing references to content needs the permission {REFERENCE}, which {actor.get_username()} does not "
            "have."
        )
    try:
        # A savepoint: after an error of the database a caller's own transaction goes on.
        with transaction.atomic():
            return int(sql.scalar(function, sha256, backend_type, reference_type, reference_id))
    except Error as error:
        raise ReferenceRefused(
            f"The reference {reference_type} {reference_id} to {sha256[:12]} in {backend_type} was not {done}, and "
            f"nothing was changed: {_reason(error)}."
        ) from error


def _reason(error: Error) -> str:
    # What the function itself says comes first; the rest of the text is where in its body it said so.
    first = str(error).strip().partition("\n")[0]
    return first.rstrip(".") or type(error).__name__
