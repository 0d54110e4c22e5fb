"""References to stored objects, unreferenced objects, and the operator's acts on them."""

from ncfd_site.core import sql
from ncfd_site.demo.loader import Loader
from storage.models import StorageObject

_STUDY_OBJECTS = "UPDATE studies s SET object_id = d.object_id FROM documents d WHERE d.source_url = s.url"
_STUDY_REFERENCES = """
INSERT INTO storage_references (object_id, reference_type, referenced_id)
SELECT object_id, 'study', study_id FROM studies ORDER BY study_id
"""
# An object is as old as its first document, and was last used when that was read.
_OBJECT_TIMES = """
UPDATE storage_objects o SET created_at = d.at, last_accessed = d.at + interval '2 hours'
FROM (SELECT sha256, min(discovered_at) AS at FROM documents GROUP BY sha256) d WHERE d.sha256 = o.sha256
"""
_REFERENCE_TIMES = """
UPDATE storage_references r SET created_at = o.created_at FROM storage_objects o WHERE o.object_id = r.object_id
"""


def add_content(loader: Loader) -> None:
    """Add references of studies, archived and superseded objects, events, and bytes that wait to be deleted."""
    for statement in (_STUDY_OBJECTS, _STUDY_REFERENCES, _OBJECT_TIMES, _REFERENCE_TIMES):
        sql.execute(statement)
    stored = {row["name"]: loader.store.put(row["text"].encode() * row["times"]) for row in loader.fixed("bytes")}
    objects = StorageObject.objects.order_by("pk")
    values = {
        "stored": stored,
        "objects": list(objects[:3]),
        "papers": list(objects.filter(documents__source_type="Paper")[:4]),
        "releases": list(objects.filter(documents__source_type="PR", documents__status="card_built")[:3]),
    }
    loader.add_fixed("storage_objects", **values)
    values["archived"] = list(objects.filter(backend_type="s3"))
    for table in ("storage_references", "storage_events", "storage_tombstones"):
        loader.add_fixed(table, **values)
    sql.execute(_OBJECT_TIMES)
    # The page on S3 is in no document.
    loader.backdate(loader.calendar.at(-95, 6))
    for row in loader.fixed("bytes"):
        if row.get("is_deleted"):
            loader.store.delete(stored[row["name"]].uri)
