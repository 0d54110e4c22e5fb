"""What is left to people: whether it is still so, and what they can do."""

from ncfd_site.core import sql
from storage.repair.outcome import Outcome, advice
from storage.verification.findings import Finding, Kind, owner_of

_IS_OWNERLESS = """
SELECT EXISTS (
    SELECT FROM storage_references
    WHERE object_id = %(object)s AND reference_type = %(kind)s AND referenced_id = %(key)s
) AND NOT CASE %(kind)s
    WHEN 'document' THEN EXISTS (SELECT FROM documents WHERE doc_id = %(key)s)
    ELSE EXISTS (SELECT FROM studies WHERE study_id = %(key)s)
END
"""
_IS_OTHER_HASH = """
SELECT EXISTS (SELECT FROM documents d JOIN storage_objects o USING (object_id)
               WHERE d.doc_id = %(key)s AND o.object_id = %(object)s AND lower(d.sha256) <> lower(o.sha256))
"""
_IS_OVERDUE = """
SELECT EXISTS (SELECT FROM storage_tombstones WHERE storage_uri = %(address)s AND delete_after < clock_timestamp())
"""
_STILL: dict[Kind, tuple[str, str]] = {
    Kind.OWNER_MISSING: (
        _IS_OWNERLESS,
        "It is left alone, since the owner may still come; where it never will, release the reference.",
    ),
    Kind.DOCUMENT_HASH: (_IS_OTHER_HASH, "It is left alone: look which of the two contents was meant."),
    Kind.OVERDUE: (_IS_OVERDUE, "Run storage_gc --delete, and see to it that it runs every day."),
}


def look(finding: Finding) -> Outcome | None:
    """The finding and what to do; None where it is not so any more."""
    query, words = _STILL[finding.kind]
    kind, key = owner_of(finding) if finding.owner else (None, None)
    known = {"object": finding.object_id, "kind": kind, "key": key, "address": finding.address}
    return advice(f"{finding.sentence} {words}") if sql.value(query, known) else None
