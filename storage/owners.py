"""The rows that refer to content: whether they exist, what they are called, and whether they point to it themselves.

A reference may come before its owner, since pipelines count first and insert later. And a document or a study that
points to content keeps it from being cleaned, also where its reference was released.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.apps import apps

from ncfd_site.core import sql
from storage.models import Document

DOCUMENT, STUDY = "document", "study"
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Owner:
    """A document or a study: what it is called, and the content that its own row points to."""

    name: str
    object_id: int | None


@dataclass(frozen=True, slots=True)
class Keeper:
    """Why content stays although its count is 0: a document or a study points to it, or one of the other two."""

    object_id: int
    doc_id: int | None
    study_id: int | None
    is_foreign: bool
    is_referenced: bool


_KEEPERS = """
    SELECT o.object_id,
           coalesce((SELECT d.doc_id FROM documents d WHERE d.object_id = o.object_id LIMIT 1),
                    (SELECT d.doc_id FROM documents d
                     WHERE d.sha256 = o.sha256 AND d.storage_uri = o.storage_uri LIMIT 1)) AS doc_id,
           (SELECT s.study_id FROM studies s WHERE s.object_id = o.object_id LIMIT 1) AS study_id,
           o.storage_uri !~ '^(local|s3)://[0-9a-f]{64}$' OR right(o.storage_uri, 64) <> o.sha256 AS is_foreign,
           EXISTS (SELECT FROM storage_references r WHERE r.object_id = o.object_id) AS is_referenced
    FROM storage_objects o WHERE o.object_id = ANY(%s)
"""


def owners(references: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Owner]:
    """Return those documents and studies of these references that exist, by kind and key: one query for each kind."""
    keys = defaultdict(set)
    for kind, key in references:
        keys[kind].add(key)
    found: dict[tuple[str, int], Owner] = {}
    if keys[DOCUMENT]:
        for document in Document.objects.filter(pk__in=keys[DOCUMENT]).only("publisher", "source_url", "object_id"):
            found[DOCUMENT, document.pk] = Owner(_name_of(document), document.object_id)
    if keys[STUDY]:
        # By name: signals imports this app, so this app may not import signals.
        studies = apps.get_model("signals", "Study")._default_manager.filter(pk__in=keys[STUDY])
        for key, object_id, year, nct_id in studies.values_list("pk", "object_id", "year", "trial__nct_id"):
            found[STUDY, key] = Owner(f"{nct_id}, {year}", object_id)
    return found


def keepers(object_ids: Collection[int]) -> dict[int, Keeper]:
    """Return, of these contents, those that cleaning would keep although nothing refers to them, and why."""
    rows = sql.rows(_KEEPERS, [list(object_ids)], of=Keeper)
    return {one.object_id: one for one in rows if one != Keeper(one.object_id, None, None, False, False)}


def keeper_of(object_id: int) -> Keeper | None:
    """Return why this content would be kept without references, or None where it would not."""
    return keepers([object_id]).get(object_id)


def _name_of(document: Document) -> str:
    words = [document.publisher or "", _short(document.source_url or "")]
    name = ", ".join(filter(None, words))
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…"


def _short(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    return f"{parts.netloc}{parts.path}" if parts.netloc else address
