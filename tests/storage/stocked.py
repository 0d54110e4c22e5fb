"""A content store with documents in it, and what must be true of it whatever was done."""

import hashlib
from collections.abc import Iterable, Sequence

from django.db import transaction

from ncfd_site.core import sql
from storage.content import ContentStore, get_content_store, get_content_store_for
from storage.loading.documents import NewDocument, add_documents
from storage.models import Document, StorageEvent, StorageObject, StorageReference, StorageTombstone

DAYS = 40


def address_of(content: bytes, backend: str = "local") -> str:
    return f"{backend}://{hashlib.sha256(content).hexdigest()}"


def upload(*contents: bytes, name: str = "doc", store: ContentStore | None = None) -> list[int]:
    """Add a document for each content, as the loaders do; returns their numbers in order."""
    documents = [new_document(f"https://example.org/{name}/{place}", content) for place, content in enumerate(contents)]
    with transaction.atomic():
        added = add_documents(documents, store or get_content_store())
    return [added[document.source_url] for document in documents]


def new_document(url: str, content: bytes) -> NewDocument:
    """A document as a loader gives it."""
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


def delete(documents: Iterable[int]) -> None:
    """Delete documents, with which their references go."""
    Document.objects.filter(pk__in=list(documents)).delete()


def age(days: int = DAYS) -> None:
    """Let all content have been used last so many days ago."""
    sql.execute(
        "UPDATE storage_objects SET last_accessed = clock_timestamp() - make_interval(days => %s, secs => 1)", [days]
    )


def let_tombstones_be_due() -> None:
    """Let the time of all tombstones be over."""
    sql.execute("UPDATE storage_tombstones SET delete_after = clock_timestamp() - interval '1 second'")


def unused(contents: Sequence[bytes], days: int = DAYS) -> None:
    """Content that documents had, so long ago."""
    delete(upload(*contents, name="unused"))
    age(days)


def addresses(backend: str = "local") -> set[str]:
    """What lies in a store."""
    return {held.uri for held in get_content_store(backend).list_objects()}


def require_sound() -> None:
    """Every row's bytes can be read where the row says, documents say the same, and counts are true."""
    for one in StorageObject.objects.all():
        assert hashlib.sha256(get_content_store_for(one.storage_uri).read(one.storage_uri)).hexdigest() == one.sha256
        assert one.refcount == StorageReference.objects.filter(object=one).count()
        for document in Document.objects.filter(object=one):
            assert document.storage_uri == one.storage_uri


def require_nothing_left_over(*backends: str) -> None:
    """The stores hold what the rows name, and no more; nothing waits."""
    assert not StorageTombstone.objects.exists()
    for backend in backends or ("local",):
        named = StorageObject.objects.filter(storage_uri__startswith=f"{backend}:")
        assert addresses(backend) == set(named.values_list("storage_uri", flat=True))


def release(document: int) -> None:
    """Take the reference of a document away, which stays."""
    sql.execute("DELETE FROM storage_references WHERE reference_type = 'document' AND referenced_id = %s", [document])


def acts() -> list[tuple[str, str]]:
    """What was done, and by whom, in order."""
    return list(StorageEvent.objects.order_by("pk").values_list("action", "actor"))
