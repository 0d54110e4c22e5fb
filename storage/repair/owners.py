"""References that documents and studies lack are added, and documents follow their object to its address."""

from typing import Any

from django.apps import apps
from django.db import transaction
from django.db.models import Model

from ncfd_site.core import sql
from storage.models import Document, StorageObject, StorageReference
from storage.repair.bytes_there import Whole, bytes_there
from storage.repair.outcome import (
    Outcome,
    advice,
    record,
    would,
)
from storage.verification.findings import (
    Finding,
    called,
    object_of,
    owner_of,
)
from storage.verification.stores import Stores


def look_at_reference(finding: Finding) -> Outcome | None:
    """The reference that would be added; None where it is there, or its owner points there no more."""
    kind, key = owner_of(finding)
    one = _pointed_to(kind, key, finding, lock=False)
    if one is None:
        return None
    return would(f"{called(one.pk, one.sha256, one.backend_type)}: a reference of {kind} {key} is added.")


def add_reference(finding: Finding, actor: str) -> bool:
    """Add it, as pipelines do; the owner is locked, so that it stays."""
    kind, key = owner_of(finding)
    with transaction.atomic():
        one = _pointed_to(kind, key, finding, lock=True)
        if one is None:
            return False
        count = sql.scalar("increment_storage_refcount", one.sha256, one.backend_type, kind, key)
        record(finding, actor, {"reference_type": kind, "reference_id": key, "refcount": count})
    return True


def look_at_address(finding: Finding, stores: Stores) -> Outcome | None:
    """The address that the document would get. Only one whose bytes are whole: the other may be the only good copy."""
    _, key = owner_of(finding)
    document = Document.objects.select_related("object").filter(pk=key, object_id=object_of(finding)).first()
    if document is None or document.object is None or document.storage_uri == document.object.storage_uri:
        return None
    if not _is_whole(document, document.object, stores):
        return advice(
            f"Document {key} names {document.storage_uri}, and its object {document.object.pk} lies at "
            f"{document.object.storage_uri}, where its bytes are not whole: mend these, and run the command again."
        )
    return would(f"Document {key}: address {document.storage_uri} becomes {document.object.storage_uri}.")


def set_address(finding: Finding, actor: str, stores: Stores) -> bool:
    """Give the document the address of its object."""
    _, key = owner_of(finding)
    content = StorageObject.objects.filter(pk=object_of(finding)).first()
    document = Document.objects.filter(pk=key, object_id=object_of(finding)).first()
    if content is None or document is None or not _is_whole(document, content, stores):
        return False
    with transaction.atomic():
        # Owners before objects: whoever deletes a document locks that first.
        locked = Document.objects.select_for_update(no_key=True).filter(pk=key, object_id=content.pk).first()
        now = StorageObject.objects.select_for_update(no_key=True).filter(pk=content.pk).first()
        if locked is None or now is None or locked.sha256 != document.sha256 or now.storage_uri != content.storage_uri:
            return False
        if locked.storage_uri == now.storage_uri:
            return False
        Document.objects.filter(pk=key).update(storage_uri=now.storage_uri)
        was_and_is = {"was": locked.storage_uri, "is": now.storage_uri}
        record(finding, actor, {"what": f"address of document {key}", **was_and_is})
    return True


def _is_whole(document: Document, content: StorageObject, stores: Stores) -> bool:
    if document.sha256.lower() != content.sha256.lower():
        return False
    return isinstance(bytes_there(content.storage_uri, content.sha256, stores), Whole)


def _pointed_to(kind: str, key: int, finding: Finding, *, lock: bool) -> StorageObject | None:
    """The object, where the owner still points to it without a reference."""
    owners: Any = _model(kind)._default_manager.filter(pk=key, object_id=object_of(finding)).order_by()
    if lock:
        owners = owners.select_for_update(no_key=True)
    references = StorageReference.objects.filter(object_id=object_of(finding), reference_type=kind, referenced_id=key)
    if not list(owners.values_list("pk")) or references.exists():
        return None
    return StorageObject.objects.filter(pk=object_of(finding)).first()


def _model(kind: str) -> type[Model]:
    # By name: signals imports this app, so this app may not import signals.
    return Document if kind == "document" else apps.get_model("signals", "Study")
