"""What the content store's book-keeping says."""

import pytest

from ncfd_site.core import sql
from storage.models import StorageObject, StorageReference
from storage.queries import CleanupCandidate, cleanup_candidates, reference_counts
from tests import factories

pytestmark = pytest.mark.django_db


def unused_for(content: StorageObject, days: float) -> None:
    sql.execute(
        "UPDATE storage_objects SET last_accessed = now() - %s * interval '1 day' WHERE object_id = %s",
        [days, content.pk],
    )


def test_candidates_are_unused_content_without_references_the_oldest_first() -> None:
    older, old, young = (factories.make_storage_object() for _ in range(3))
    for content, days in ((older, 50), (old, 31), (young, 29)):
        unused_for(content, days)
    assert [one.object_id for one in cleanup_candidates()] == [older.pk, old.pk]
    assert [one.object_id for one in cleanup_candidates(20)] == [older.pk, old.pk, young.pk]
    assert [one.object_id for one in cleanup_candidates(limit=1)] == [older.pk]
    assert cleanup_candidates(365) == []


def test_a_candidate_says_everything_about_the_content() -> None:
    content = factories.make_storage_object()
    unused_for(content, 40)
    content.refresh_from_db()
    (candidate,) = cleanup_candidates()
    assert candidate == CleanupCandidate(
        content.pk,
        content.sha256,
        content.storage_uri,
        "local",
        content.size_bytes,
        0,
        content.created_at,
        content.last_accessed,
    )


def test_references_are_counted_whatever_the_object_says() -> None:
    counted, wrong = factories.make_storage_object(), factories.make_storage_object()
    # As after a restore of rows with the triggers disabled.
    sql.execute("SET LOCAL session_replication_role = replica")
    sql.execute("UPDATE storage_objects SET refcount = 5 WHERE object_id = %s", [wrong.pk])
    sql.execute("SET LOCAL session_replication_role = origin")
    for key in (1, 2):
        StorageReference.objects.create(object=counted, reference_type="study", referenced_id=key)
    assert reference_counts([counted.pk, wrong.pk]) == {counted.pk: 2, wrong.pk: 0}
    assert reference_counts([]) == {}
