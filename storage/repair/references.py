"""Repair of counts, of missing references, and of document URIs."""

from typing import Any

from django.apps import apps
from django.db import transaction
from django.db.models import Model

from ncfd_site.core import sql
from storage.content.backends import StorePool
from storage.models import Document, StorageObject, StorageReference
from storage.queries import count_references
from storage.repair.data import DataState, inspect_data
from storage.repair.proposals import Proposal, RepairContext, propose_action, propose_repair, record_repair
from storage.verification.findings import Finding, describe_object, get_object_id, get_referrer


def propose_count_repair(finding: Finding, _: RepairContext) -> Proposal | None:
    """Return the corrected count, None if it is right."""
    row = StorageObject.objects.filter(pk=get_object_id(finding)).first()
    if row is None or row.refcount == (count := count_references([row.pk])[row.pk]):
        return None
    return propose_repair(f"{describe_object(row)}: change the refcount from {row.refcount} to {count}.")


def repair_count(finding: Finding, _: RepairContext, actor: str) -> bool:
    """Correct the count under the lock that changes of references wait for; return False if it is right."""
    with transaction.atomic():
        row = StorageObject.objects.select_for_update(no_key=True).filter(pk=get_object_id(finding)).first()
        if row is None or row.refcount == (count := count_references([row.pk])[row.pk]):
            return False
        StorageObject.objects.filter(pk=row.pk).update(refcount=count)
        record_repair(finding, actor, {"was": row.refcount, "is": count}, action="count_corrected")
    return True


def propose_reference(finding: Finding, _: RepairContext) -> Proposal | None:
    """Return the missing reference, None if it exists or the referrer no longer points to the object."""
    kind, key = get_referrer(finding)
    row = _find_unreferenced_object(kind, key, finding, lock=False)
    return None if row is None else propose_repair(f"{describe_object(row)}: add the reference from {kind} {key}.")


def add_missing_reference(finding: Finding, _: RepairContext, actor: str) -> bool:
    """Add the reference under a lock of the referrer; return False if it is no longer missing."""
    kind, key = get_referrer(finding)
    with transaction.atomic():
        row = _find_unreferenced_object(kind, key, finding, lock=True)
        if row is None:
            return False
        count = sql.scalar("increment_storage_refcount", row.sha256, row.backend_type, kind, key)
        record_repair(finding, actor, {"reference_type": kind, "reference_id": key, "refcount": count})
    return True


def propose_document_uri(finding: Finding, context: RepairContext) -> Proposal | None:
    """Return the object's URI for its document, if its data is intact: the document's may be the only good copy."""
    _, key = get_referrer(finding)
    document = Document.objects.select_related("object").filter(pk=key, object_id=get_object_id(finding)).first()
    if document is None or document.object is None or document.storage_uri == document.object.storage_uri:
        return None
    if not _is_intact(document, document.object, context.stores):
        return propose_action(
            f"Document {key} has the URI {document.storage_uri}, and its object {document.object.pk} has "
            f"{document.object.storage_uri}, where the data is not intact. Repair the data, then run storage_repair "
            "again."
        )
    return propose_repair(
        f"Document {key}: change the URI from {document.storage_uri} to {document.object.storage_uri}."
    )


def set_document_uri(finding: Finding, context: RepairContext, actor: str) -> bool:
    """Set the document's URI to that of its object; return False unless it differs and its data is intact."""
    _, key = get_referrer(finding)
    row = StorageObject.objects.filter(pk=get_object_id(finding)).first()
    document = Document.objects.filter(pk=key, object_id=get_object_id(finding)).first()
    if row is None or document is None or not _is_intact(document, row, context.stores):
        return False
    with transaction.atomic():
        # The deletion of a document locks the document before the object, so this does too.
        locked = Document.objects.select_for_update(no_key=True).filter(pk=key, object_id=row.pk).first()
        now = StorageObject.objects.select_for_update(no_key=True).filter(pk=row.pk).first()
        if locked is None or now is None or locked.sha256 != document.sha256 or now.storage_uri != row.storage_uri:
            return False
        if locked.storage_uri == now.storage_uri:
            return False
        Document.objects.filter(pk=key).update(storage_uri=now.storage_uri)
        change = {"was": locked.storage_uri, "is": now.storage_uri}
        record_repair(finding, actor, {"what": f"URI of document {key}", **change})
    return True


def _is_intact(document: Document, row: StorageObject, stores: StorePool) -> bool:
    if document.sha256.lower() != row.sha256.lower():
        return False
    return inspect_data(row.storage_uri, row.sha256, stores).state is DataState.INTACT


def _find_unreferenced_object(kind: str, key: int, finding: Finding, *, lock: bool) -> StorageObject | None:
    """Return the object if the referrer still points to it without a reference."""
    # By name: signals imports this app, so this app may not import signals.
    model: type[Model] = Document if kind == "document" else apps.get_model("signals", "Study")
    referrers: Any = model._default_manager.filter(pk=key, object_id=get_object_id(finding)).order_by()
    if lock:
        referrers = referrers.select_for_update(no_key=True)
    reference = {"object_id": get_object_id(finding), "reference_type": kind, "referenced_id": key}
    if not list(referrers.values_list("pk")) or StorageReference.objects.filter(**reference).exists():
        return None
    return StorageObject.objects.filter(pk=get_object_id(finding)).first()
