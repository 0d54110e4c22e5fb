"""Counts against references, and references against their referrers, in both directions."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from ncfd_site.core.formatting import format_duration
from storage.verification.findings import Finding, FindingKind, create_object_finding, describe_object
from storage.verification.options import Check
from storage.verification.passes import PageResult, TablePass, read_rows

# Pipelines add the reference before the referrer's row, which may follow this much later.
GRACE_PERIOD = timedelta(hours=1)

_COUNTS = """
SELECT o.object_id, o.sha256, o.backend_type, o.storage_uri, o.refcount, coalesce(r.actual, 0) AS actual
FROM storage_objects o
LEFT JOIN (
    SELECT object_id, count(*) AS actual FROM storage_references
    WHERE object_id > %(after)s AND object_id <= %(last)s GROUP BY object_id
) r ON r.object_id = o.object_id
WHERE o.object_id > %(after)s AND o.object_id <= %(last)s AND o.refcount IS DISTINCT FROM coalesce(r.actual, 0)
ORDER BY o.object_id
"""
# Tables of other apps are queried by name, since this app imports none of them.
_WITHOUT_REFERRER = """
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
       d.sha256 AS own_sha256,
       CASE WHEN is_same_content(d.storage_uri, o.storage_uri) THEN o.storage_uri ELSE d.storage_uri END AS own_uri,
       EXISTS (SELECT FROM storage_references r WHERE r.object_id = d.object_id
               AND r.reference_type = 'document' AND r.referenced_id = d.doc_id) AS has_reference
FROM documents d JOIN storage_objects o USING (object_id)
WHERE d.doc_id > %(after)s AND d.doc_id <= %(last)s
  AND (lower(d.sha256) <> lower(o.sha256) OR NOT is_same_content(d.storage_uri, o.storage_uri)
       OR NOT EXISTS (SELECT FROM storage_references r WHERE r.object_id = d.object_id
                      AND r.reference_type = 'document' AND r.referenced_id = d.doc_id))
ORDER BY d.doc_id
"""
_STUDIES = """
SELECT 'study' AS kind, s.study_id AS key, o.object_id, o.sha256, o.backend_type, o.storage_uri,
       o.sha256 AS own_sha256, o.storage_uri AS own_uri, false AS has_reference
FROM studies s JOIN storage_objects o USING (object_id)
WHERE s.study_id > %(after)s AND s.study_id <= %(last)s
  AND NOT EXISTS (SELECT FROM storage_references r WHERE r.object_id = s.object_id
                  AND r.reference_type = 'study' AND r.referenced_id = s.study_id)
ORDER BY s.study_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    object_id: int
    sha256: str
    backend_type: str
    storage_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _CountRow(_Row):
    refcount: int | None
    actual: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _ReferenceRow(_Row):
    reference_type: str
    referenced_id: int
    age: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class _ReferrerRow(_Row):
    kind: str
    key: int
    own_sha256: str
    own_uri: str
    has_reference: bool


def create_count_pass() -> TablePass:
    """Return the pass that compares counts with references, in one statement per page of objects."""
    return TablePass(
        check=Check.COUNTS,
        name="counts",
        step="Counting references",
        unit="objects",
        table="storage_objects",
        key="object_id",
        check_range=_check_counts,
    )


def create_referrer_passes() -> list[TablePass]:
    """Return the passes for references without referrer, and for documents and studies without reference."""
    passes = (
        ("references", "referrers of references", "storage_references", "reference_id", _check_references),
        ("documents", "references of documents", "documents", "doc_id", partial(_check_referrers, _DOCUMENTS)),
        ("studies", "references of studies", "studies", "study_id", partial(_check_referrers, _STUDIES)),
    )
    return [
        TablePass(
            check=Check.REFERRERS,
            name=name,
            step=f"Checking the {subject}",
            unit=name,
            table=table,
            key=key,
            check_range=check_range,
        )
        for name, subject, table, key, check_range in passes
    ]


def _check_counts(after: int, last: int) -> PageResult:
    findings = []
    for row in read_rows(_COUNTS, {"after": after, "last": last}, of=_CountRow):
        refcount = "not set" if row.refcount is None else f"{row.refcount:,}"
        message = f"{describe_object(row)} has {row.actual:,} references, but its refcount is {refcount}."
        findings.append(
            create_object_finding(FindingKind.COUNT, row, message, expected=row.actual, actual=row.refcount)
        )
    return PageResult(findings)


def _check_references(after: int, last: int) -> PageResult:
    result = PageResult()
    for row in read_rows(_WITHOUT_REFERRER, {"after": after, "last": last}, of=_ReferenceRow):
        if row.age < GRACE_PERIOD:
            result.recent_count += 1
            continue
        referrer = f"{row.reference_type} {row.referenced_id}"
        message = (
            f"{describe_object(row)} has a reference from {referrer}, which does not exist. "
            f"The reference is {format_duration(row.age)} old."
        )
        result.findings.append(
            create_object_finding(FindingKind.MISSING_REFERRER, row, message, referrer=referrer, expected=referrer)
        )
    return result


def _check_referrers(query: str, after: int, last: int) -> PageResult:
    rows = read_rows(query, {"after": after, "last": last}, of=_ReferrerRow)
    return PageResult([finding for row in rows for finding in _build_findings(row)])


def _build_findings(row: _ReferrerRow) -> list[Finding]:
    referrer, subject = f"{row.kind} {row.key}", f"{row.kind.capitalize()} {row.key}"
    name = describe_object(row)
    found: list[tuple[FindingKind, str, str, str | None]] = []
    if not row.has_reference:
        message = f"{subject} points to {name[0].lower()}{name[1:]}, which has no reference from it."
        found.append((FindingKind.MISSING_REFERENCE, message, referrer, None))
    if row.own_sha256.lower() != row.sha256.lower():
        message = f"{subject} has the hash {row.own_sha256}, but its object {row.object_id} has {row.sha256}."
        found.append((FindingKind.DOCUMENT_HASH, message, row.sha256, row.own_sha256))
    if row.own_uri != row.storage_uri:
        message = f"{subject} has the URI {row.own_uri}, but its object {row.object_id} has {row.storage_uri}."
        found.append((FindingKind.DOCUMENT_URI, message, row.storage_uri, row.own_uri))
    return [
        create_object_finding(kind, row, message, referrer=referrer, expected=expected, actual=actual)
        for kind, message, expected, actual in found
    ]
