"""A store with one error of each kind among valid objects."""

from datetime import timedelta
from typing import Any

from ncfd_site.core import sql
from storage.models import Document, StorageObject
from storage.verification import FindingKind
from tests import factories
from tests.storage.verification.site import (
    Site,
    add_reference,
    age_file,
    age_reference,
    create_document,
    store_object,
    triggers_disabled,
)

DELAY = timedelta(days=3)


def create_valid_objects() -> list[StorageObject]:
    """Create valid objects: referenced, of a document, of a study, moved, announced, recently deleted."""
    rows = [store_object(b"valid %d" % number, backend) for number, backend in enumerate(["local", "s3"] * 4)]
    rows.append(store_object(b"moved", "s3", backend_type="local"))
    add_reference(rows[0], "note", 1)
    create_document(rows[1])
    study = factories.make_study(object=rows[2])
    add_reference(rows[2], "study", study.pk)
    deleted = store_object(b"recently deleted")
    deleted.delete()
    # A reference added before its referrer.
    add_reference(rows[3], "document", 424_242)
    return rows


def create_all_errors(site: Site) -> dict[FindingKind, int | str | None]:
    """Create one error of each kind; return the object or location of each."""
    subjects: dict[FindingKind, StorageObject | str] = {}
    miscounted = subjects[FindingKind.COUNT] = store_object(b"wrong count")
    with triggers_disabled():
        sql.execute("UPDATE storage_objects SET refcount = 5 WHERE object_id = %s", [miscounted.pk])
    without_referrer = subjects[FindingKind.MISSING_REFERRER] = store_object(b"without referrer", "s3")
    add_reference(without_referrer, "document", 515_151)
    age_reference("document", 515_151, hours=50)
    unreferenced = subjects[FindingKind.MISSING_REFERENCE] = store_object(b"without reference")
    factories.make_document(object=unreferenced, sha256=unreferenced.sha256, storage_uri=unreferenced.storage_uri)
    other_uri = subjects[FindingKind.DOCUMENT_URI] = store_object(b"other URI")
    create_document(other_uri, storage_uri="https://example.org/old")
    other_hash = subjects[FindingKind.DOCUMENT_HASH] = store_object(b"other hash")
    create_document(other_hash, sha256="0" * 64)
    missing = subjects[FindingKind.MISSING] = store_object(b"missing", "s3")
    create_document(missing, source_url="https://example.org/lost")
    site.remove(missing)
    subjects[FindingKind.SIZE] = store_object(b"of another size", size_bytes=99)
    subjects[FindingKind.UNKNOWN_SIZE] = store_object(b"unsized!", size_bytes=0)
    subjects[FindingKind.URI] = store_object(b"foreign", storage_uri="file:///tmp/foreign")
    corrupt = subjects[FindingKind.CORRUPT] = store_object(b"corrupt", "s3")
    site.overwrite(corrupt, b"Corrupt")
    orphan = store_object(b"orphan")
    StorageObject.objects.filter(pk=orphan.pk).delete()
    sql.execute("DELETE FROM storage_tombstones WHERE storage_uri = %s", [orphan.storage_uri])
    age_file(site.root / orphan.sha256[:2] / orphan.sha256, hours=3)
    subjects[FindingKind.ORPHAN] = orphan.storage_uri
    overdue = subjects[FindingKind.OVERDUE] = f"s3://{'a' * 64}"
    sql.execute(
        "INSERT INTO storage_tombstones (storage_uri, reason, delete_after) VALUES (%s, 'deleted', now() - %s)",
        [overdue, DELAY],
    )
    site.harnesses["local"].write_file("incoming/tmpkilled", b"half of it")
    age_file(site.root / "incoming" / "tmpkilled", days=2)
    site.harnesses["local"].write_file("incoming/tmpyoung", b"being written")
    subjects[FindingKind.ABANDONED] = "incoming/tmpkilled"
    # The data of the object with the foreign URI is an orphan too.
    site.harnesses["local"].remove(StorageObject.objects.get(storage_uri="file:///tmp/foreign").sha256)
    return {kind: one.pk if isinstance(one, StorageObject) else one for kind, one in subjects.items()}


def list_documents(object_id: Any) -> list[Document]:
    """Return the documents of an object."""
    return list(Document.objects.filter(object_id=object_id).order_by("pk"))
