"""Referrers: the rows behind references, and what retains objects without references.

A reference may exist before its referrer, since pipelines add it first. An object that a document or study points to
is retained even without reference.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.apps import apps

from ncfd_site.core import sql
from storage.models import Document

DOCUMENT, STUDY = "document", "study"
MAX_NAME_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Referrer:
    """A document or study: its name, and the object that its row points to."""

    name: str
    object_id: int | None


@dataclass(frozen=True, slots=True)
class RetentionReason:
    """Why garbage collection keeps an object: a document or study, a URI of no store, or references."""

    object_id: int
    doc_id: int | None
    study_id: int | None
    is_foreign: bool
    is_referenced: bool


_REASONS = """
    SELECT o.object_id,
           coalesce((SELECT d.doc_id FROM documents d WHERE d.object_id = o.object_id LIMIT 1),
                    (SELECT d.doc_id FROM documents d
                     WHERE d.sha256 = o.sha256 AND d.storage_uri = o.storage_uri LIMIT 1)) AS doc_id,
           (SELECT s.study_id FROM studies s WHERE s.object_id = o.object_id LIMIT 1) AS study_id,
           o.storage_uri !~ '^(local|s3)://[0-9a-f]{64}$' OR right(o.storage_uri, 64) <> o.sha256 AS is_foreign,
           EXISTS (SELECT FROM storage_references r WHERE r.object_id = o.object_id) AS is_referenced
    FROM storage_objects o WHERE o.object_id = ANY(%s)
"""


def find_referrers(references: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Referrer]:
    """Return the existing documents and studies of references, by kind and key, with one query per kind."""
    keys = defaultdict(set)
    for kind, key in references:
        keys[kind].add(key)
    found: dict[tuple[str, int], Referrer] = {}
    if keys[DOCUMENT]:
        for document in Document.objects.filter(pk__in=keys[DOCUMENT]).only("publisher", "source_url", "object_id"):
            found[DOCUMENT, document.pk] = Referrer(_name_document(document), document.object_id)
    if keys[STUDY]:
        # By name: signals imports this app, so this app may not import signals.
        studies = apps.get_model("signals", "Study")._default_manager.filter(pk__in=keys[STUDY])
        for key, object_id, year, nct_id in studies.values_list("pk", "object_id", "year", "trial__nct_id"):
            found[STUDY, key] = Referrer(f"{nct_id}, {year}", object_id)
    return found


def find_retention_reasons(object_ids: Collection[int]) -> dict[int, RetentionReason]:
    """Return the objects among these that garbage collection keeps, with the reason."""
    reasons = sql.rows(_REASONS, [list(object_ids)], of=RetentionReason)
    return {one.object_id: one for one in reasons if one != RetentionReason(one.object_id, None, None, False, False)}


def find_retention_reason(object_id: int) -> RetentionReason | None:
    """Return why garbage collection keeps an object, None if it does not."""
    return find_retention_reasons([object_id]).get(object_id)


def _name_document(document: Document) -> str:
    parts = [document.publisher or "", _strip_scheme(document.source_url or "")]
    name = ", ".join(filter(None, parts))
    return name if len(name) <= MAX_NAME_LENGTH else f"{name[:MAX_NAME_LENGTH]}…"


def _strip_scheme(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return f"{parts.netloc}{parts.path}" if parts.netloc else url
