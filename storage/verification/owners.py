"""References against the rows that they stand for, both ways."""

from dataclasses import dataclass
from datetime import timedelta

from ncfd_site.core.formatting import format_duration
from storage.verification.findings import (
    Check,
    Finding,
    Kind,
    called,
)
from storage.verification.passes import Looked, TablePass
from storage.verification.reading import read

# Pipelines count first and insert later: a reference may wait so long for its owner.
PATIENCE = timedelta(hours=1)

# Tables of other apps stand here by name: this app imports none.
_OWNERLESS = """
SELECT r.object_id, o.sha256, o.backend_type, o.storage_uri, r.reference_type, r.referenced_id,
       clock_timestamp() - r.created_at AS age
FROM storage_references r JOIN storage_objects o USING (object_id)
WHERE r.reference_id > %(after)s AND r.reference_id <= %(last)s
  AND CASE r.reference_type
          WHEN 'document' THEN NOT EXISTS (SELECT FROM documents d WHERE d.doc_id = r.referenced_id)
          WHEN 'study' THEN NOT EXISTS (SELECT FROM studies s WHERE s.study_id = r.referenced_id)
          ELSE false
      END
ORDER BY r.reference_id
"""
_DOCUMENTS = """
SELECT 'document' AS kind, d.doc_id AS key, o.object_id, o.sha256, o.backend_type, o.storage_uri,
       d.sha256 AS own_sha256, d.storage_uri AS own_uri,
       EXISTS (SELECT FROM storage_references r WHERE r.object_id = d.object_id
               AND r.reference_type = 'document' AND r.referenced_id = d.doc_id) AS is_counted
FROM documents d JOIN storage_objects o USING (object_id)
WHERE d.doc_id > %(after)s AND d.doc_id <= %(last)s
  AND (lower(d.sha256) <> lower(o.sha256) OR d.storage_uri <> o.storage_uri
       OR NOT EXISTS (SELECT FROM storage_references r WHERE r.object_id = d.object_id
                      AND r.reference_type = 'document' AND r.referenced_id = d.doc_id))
ORDER BY d.doc_id
"""
_STUDIES = """
SELECT 'study' AS kind, s.study_id AS key, o.object_id, o.sha256, o.backend_type, o.storage_uri,
       o.sha256 AS own_sha256, o.storage_uri AS own_uri, false AS is_counted
FROM studies s JOIN storage_objects o USING (object_id)
WHERE s.study_id > %(after)s AND s.study_id <= %(last)s
  AND NOT EXISTS (SELECT FROM storage_references r WHERE r.object_id = s.object_id
                  AND r.reference_type = 'study' AND r.referenced_id = s.study_id)
ORDER BY s.study_id
"""


@dataclass(frozen=True, slots=True)
class _Ownerless:
    object_id: int
    sha256: str
    backend_type: str
    storage_uri: str
    reference_type: str
    referenced_id: int
    age: timedelta


@dataclass(frozen=True, slots=True)
class _Owner:
    kind: str
    key: int
    object_id: int
    sha256: str
    backend_type: str
    storage_uri: str
    own_sha256: str
    own_uri: str
    is_counted: bool


def owner_passes() -> list[TablePass]:
    """References without an owner, then documents and studies without a reference, or with another address."""
    return [
        TablePass(
            check=Check.OWNERS,
            name="owners of references",
            step="Looking for the owners of references",
            unit="references",
            table="storage_references",
            key="reference_id",
            look=_look_at_references,
        ),
        TablePass(
            check=Check.OWNERS,
            name="documents",
            step="Looking for the references of documents",
            unit="documents",
            table="documents",
            key="doc_id",
            look=lambda after, last: _look_at_owners(_DOCUMENTS, after, last),
        ),
        TablePass(
            check=Check.OWNERS,
            name="studies",
            step="Looking for the references of studies",
            unit="studies",
            table="studies",
            key="study_id",
            look=lambda after, last: _look_at_owners(_STUDIES, after, last),
        ),
    ]


def _look_at_references(after: int, last: int) -> Looked:
    found = read(_OWNERLESS, {"after": after, "last": last}, of=_Ownerless)
    old = [one for one in found if one.age >= PATIENCE]
    return Looked([_ownerless(one) for one in old], young=len(found) - len(old))


def _ownerless(one: _Ownerless) -> Finding:
    owner = f"{one.reference_type} {one.referenced_id}"
    name = called(one.object_id, one.sha256, one.backend_type)
    return Finding(
        kind=Kind.OWNER_MISSING,
        sentence=(
            f"{name} is referred to by {owner}, which does not exist; the reference was made"
            f" {format_duration(one.age)} ago."
        ),
        object_id=one.object_id,
        sha256=one.sha256,
        backend_type=one.backend_type,
        address=one.storage_uri,
        owner=owner,
        expected=owner,
    )


def _look_at_owners(query: str, after: int, last: int) -> Looked:
    found = read(query, {"after": after, "last": last}, of=_Owner)
    return Looked([finding for one in found for finding in _findings(one)])


def _findings(one: _Owner) -> list[Finding]:
    owner, name = f"{one.kind} {one.key}", called(one.object_id, one.sha256, one.backend_type)
    begins = f"{one.kind.capitalize()} {one.key}"
    found: list[tuple[Kind, str, str, str | None]] = []
    if not one.is_counted:
        words = f"{begins} points to {name[0].lower()}{name[1:]}, which has no reference of it."
        found.append((Kind.REFERENCE_MISSING, words, owner, None))
    if one.own_sha256.lower() != one.sha256.lower():
        words = f"{begins} has the hash {one.own_sha256}, and its object {one.object_id} the hash {one.sha256}."
        found.append((Kind.DOCUMENT_HASH, words, one.sha256, one.own_sha256))
    if one.own_uri != one.storage_uri:
        words = f"{begins} names {one.own_uri}, and its object {one.object_id} lies at {one.storage_uri}."
        found.append((Kind.DOCUMENT_ADDRESS, words, one.storage_uri, one.own_uri))
    return [
        Finding(
            kind=kind,
            sentence=sentence,
            object_id=one.object_id,
            sha256=one.sha256,
            backend_type=one.backend_type,
            address=one.storage_uri,
            owner=owner,
            expected=expected,
            found=said,
        )
        for kind, sentence, expected, said in found
    ]
