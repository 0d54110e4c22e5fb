"""A count is brought to the number of references."""

from django.db import transaction

from storage.models import StorageObject
from storage.queries import reference_counts
from storage.repair.outcome import Outcome, record, would
from storage.verification.findings import Finding, called, object_of


def look(finding: Finding) -> Outcome | None:
    """What the count is and would be; None where it is right."""
    one = StorageObject.objects.filter(pk=object_of(finding)).first()
    if one is None or one.refcount == (number := reference_counts([one.pk])[one.pk]):
        return None
    return would(f"{called(one.pk, one.sha256, one.backend_type)}: count {one.refcount} becomes {number}.")


def mend(finding: Finding, actor: str) -> bool:
    """Bring it right under lock; whoever writes references waits."""
    with transaction.atomic():
        one = StorageObject.objects.select_for_update(no_key=True).filter(pk=object_of(finding)).first()
        if one is None or one.refcount == (number := reference_counts([one.pk])[one.pk]):
            return False
        StorageObject.objects.filter(pk=one.pk).update(refcount=number)
        record(finding, actor, {"was": one.refcount, "is": number}, action="count_corrected")
    return True
