"""Queries of storage rows."""

import pytest

from ncfd_site.core import sql
from storage.models import StorageObject, StorageReference
from storage.queries import GcCandidate, count_references, find_gc_candidates
from tests import factories

pytestmark = pytest.mark.django_db


def set_unused(content: StorageObject, days: float) -> None:
    sql.execute(
        "UPDATE storage_objects SET last_accessed = now() - %s * interval '1 day' WHERE object_id = %s",
        [days, content.pk],
    )


def test_candidates_are_unreferenced_and_unused_oldest_first() -> None:
    older, old, young = (factories.make_storage_object() for _ in range(3))
    for content, days in ((older, 50), (old, 31), (young, 29)):
        set_unused(content, days)
    assert [one.object_id for one in find_gc_candidates()] == [older.pk, old.pk]
    assert [one.object_id for one in find_gc_candidates(20)] == [older.pk, old.pk, young.pk]
    assert [one.object_id for one in find_gc_candidates(limit=1)] == [older.pk]
    assert find_gc_candidates(365) == []


def test_candidate_has_the_columns_of_the_object() -> None:
    content = factories.make_storage_object()
    set_unused(content, 40)
    content.refresh_from_db()
    (candidate,) = find_gc_candidates()
    assert candidate == GcCandidate(
        content.pk,
        content.sha256,
        content.storage_uri,
        "local",
        content.size_bytes,
        0,
        content.created_at,
        content.last_accessed,
    )


def test_references_are_counted_regardless_of_refcount() -> None:
    counted, wrong = factories.make_storage_object(), factories.make_storage_object()
    # As a restore with disabled triggers does.
    sql.execute("SET LOCAL session_replication_role = replica")
    sql.execute("UPDATE storage_objects SET refcount = 5 WHERE object_id = %s", [wrong.pk])
    sql.execute("SET LOCAL session_replication_role = origin")
    for key in (1, 2):
        StorageReference.objects.create(object=counted, reference_type="study", referenced_id=key)
    assert count_references([counted.pk, wrong.pk]) == {counted.pk: 2, wrong.pk: 0}
    assert count_references([]) == {}
