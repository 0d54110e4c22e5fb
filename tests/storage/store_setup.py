"""Setup of a content store with documents, and its invariants."""

import hashlib
from collections.abc import Iterable, Sequence

from django.db import transaction

from ncfd_site.core import sql
from storage.content import ContentStore, get_content_store, get_content_store_for
from storage.loading import NewDocument, add_documents
from storage.models import Document, StorageEvent, StorageObject, StorageReference, StorageTombstone

DAYS = 40


def build_uri(data: bytes, backend: str = "local") -> str:
    return f"{backend}://{hashlib.sha256(data).hexdigest()}"


def upload(*items: bytes, name: str = "doc", store: ContentStore | None = None) -> list[int]:
    """Add a document for each item, as loaders do; return their IDs in order."""
    documents = [build_document(f"https://example.org/{name}/{index}", item) for index, item in enumerate(items)]
    with transaction.atomic():
        added = add_documents(documents, store or get_content_store())
    return [added[document.source_url] for document in documents]


def build_document(url: str, content: bytes) -> NewDocument:
    """Return a document as a loader passes it."""
    return NewDocument(
        source_type="Paper",
        source_url=url,
        publisher=None,
        published_at=None,
        content_type="text/plain",
        status="fetched",
        crawl_run_id="test",
        content=content,
        pages=[],
    )


def delete_documents(documents: Iterable[int]) -> None:
    """Delete documents and with them their references."""
    Document.objects.filter(pk__in=list(documents)).delete()


def age_objects(days: int = DAYS) -> None:
    """Set the last use of all objects."""
    sql.execute(
        "UPDATE storage_objects SET last_accessed = clock_timestamp() - make_interval(days => %s, secs => 1)", [days]
    )


def expire_tombstones() -> None:
    """Make all tombstones due."""
    sql.execute("UPDATE storage_tombstones SET delete_after = clock_timestamp() - interval '1 second'")


def add_garbage(items: Sequence[bytes], days: int = DAYS) -> None:
    """Add objects whose documents were deleted."""
    delete_documents(upload(*items, name="unused"))
    age_objects(days)


def list_uris(backend: str = "local") -> set[str]:
    """Return the URIs in a store."""
    return {one.uri for one in get_content_store(backend).list_objects()}


def assert_consistent() -> None:
    """Assert that data, document URIs and counts match the rows."""
    for one in StorageObject.objects.all():
        assert hashlib.sha256(get_content_store_for(one.storage_uri).read(one.storage_uri)).hexdigest() == one.sha256
        assert one.refcount == StorageReference.objects.filter(object=one).count()
        for document in Document.objects.filter(object=one):
            assert document.storage_uri == one.storage_uri


def assert_no_leftovers(*backends: str) -> None:
    """Assert that the stores contain exactly the objects of the rows, without tombstones."""
    assert not StorageTombstone.objects.exists()
    for backend in backends or ("local",):
        rows = StorageObject.objects.filter(storage_uri__startswith=f"{backend}:")
        assert list_uris(backend) == set(rows.values_list("storage_uri", flat=True))


def delete_reference(document: int) -> None:
    """Delete the reference of a document."""
    sql.execute("DELETE FROM storage_references WHERE reference_type = 'document' AND referenced_id = %s", [document])


def list_actions() -> list[tuple[str, str]]:
    """Return actions and actors in order."""
    return list(StorageEvent.objects.order_by("pk").values_list("action", "actor"))
