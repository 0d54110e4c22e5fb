"""A store with one of everything that can be wrong, among content that is right."""

from datetime import timedelta
from typing import Any

from ncfd_site.core import sql
from storage.models import Document, StorageObject
from storage.verification import Kind
from tests import factories
from tests.storage.verification.site import (
    Site,
    age_file,
    age_reference,
    as_after_a_restore,
    keep,
    make_document_of,
    refer,
)

LATE = timedelta(days=3)


def right_content() -> list[StorageObject]:
    """Content with which nothing is wrong: counted, of a document, of a study, moved, announced, deleted lately."""
    contents = [keep(b"right %d" % number, backend) for number, backend in enumerate(["local", "s3"] * 4)]
    contents.append(keep(b"moved", "s3", backend_type="local"))
    refer(contents[0], "note", 1)
    make_document_of(contents[1])
    study = factories.make_study(object=contents[2])
    refer(contents[2], "study", study.pk)
    gone = keep(b"deleted lately")
    gone.delete()
    # A reference that came before its owner.
    refer(contents[3], "document", 424_242)
    return contents


def everything_wrong(site: Site) -> dict[Kind, int | str | None]:
    """Make one of each; returns the object, or the address, that each is about."""
    about: dict[Kind, StorageObject | str] = {}
    counted = about[Kind.COUNT] = keep(b"counted wrongly")
    with as_after_a_restore():
        sql.execute("UPDATE storage_objects SET refcount = 5 WHERE object_id = %s", [counted.pk])
    ownerless = about[Kind.OWNER_MISSING] = keep(b"without an owner", "s3")
    refer(ownerless, "document", 515_151)
    age_reference("document", 515_151, hours=50)
    uncounted = about[Kind.REFERENCE_MISSING] = keep(b"not counted")
    factories.make_document(object=uncounted, sha256=uncounted.sha256, storage_uri=uncounted.storage_uri)
    elsewhere = about[Kind.DOCUMENT_ADDRESS] = keep(b"named elsewhere")
    make_document_of(elsewhere, storage_uri="https://example.org/old")
    other = about[Kind.DOCUMENT_HASH] = keep(b"another hash")
    make_document_of(other, sha256="0" * 64)
    missing = about[Kind.MISSING] = keep(b"missing", "s3")
    make_document_of(missing, source_url="https://example.org/lost")
    site.remove(missing)
    about[Kind.SIZE] = keep(b"of another size", size_bytes=99)
    about[Kind.SIZE_UNTOLD] = keep(b"not told", size_bytes=0)
    about[Kind.ADDRESS] = keep(b"foreign", storage_uri="file:///tmp/foreign")
    damaged = about[Kind.DAMAGED] = keep(b"damaged", "s3")
    site.overwrite(damaged, b"Damaged")
    orphan = keep(b"orphan")
    StorageObject.objects.filter(pk=orphan.pk).delete()
    sql.execute("DELETE FROM storage_tombstones WHERE storage_uri = %s", [orphan.storage_uri])
    age_file(site.root / orphan.sha256[:2] / orphan.sha256, hours=3)
    about[Kind.ORPHAN] = orphan.storage_uri
    overdue = about[Kind.OVERDUE] = f"s3://{'a' * 64}"
    sql.execute(
        "INSERT INTO storage_tombstones (storage_uri, reason, delete_after) VALUES (%s, 'deleted', now() - %s)",
        [overdue, LATE],
    )
    site.harnesses["local"].write_file("incoming/tmpkilled", b"half of it")
    age_file(site.root / "incoming" / "tmpkilled", days=2)
    site.harnesses["local"].write_file("incoming/tmpyoung", b"being written")
    about[Kind.ABANDONED] = "incoming/tmpkilled"
    # The bytes of content with a foreign address lie there all the same, and nothing else names them.
    site.harnesses["local"].remove(StorageObject.objects.get(storage_uri="file:///tmp/foreign").sha256)
    return {kind: one.pk if isinstance(one, StorageObject) else one for kind, one in about.items()}


def documents_of(object_id: Any) -> list[Document]:
    """The documents of an object."""
    return list(Document.objects.filter(object_id=object_id).order_by("pk"))
