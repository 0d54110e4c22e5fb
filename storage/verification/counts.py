"""Counts against references: one statement for each page of objects, which sees both at the same moment."""

from dataclasses import dataclass

from storage.verification.findings import (
    Check,
    Finding,
    Kind,
    called,
)
from storage.verification.passes import Looked, TablePass
from storage.verification.reading import read

_WRONG = """
SELECT o.object_id, o.sha256, o.backend_type, o.storage_uri, o.refcount, coalesce(r.number, 0) AS number
FROM storage_objects o
LEFT JOIN (
    SELECT object_id, count(*) AS number FROM storage_references
    WHERE object_id > %(after)s AND object_id <= %(last)s GROUP BY object_id
) r ON r.object_id = o.object_id
WHERE o.object_id > %(after)s AND o.object_id <= %(last)s AND o.refcount IS DISTINCT FROM coalesce(r.number, 0)
ORDER BY o.object_id
"""


@dataclass(frozen=True, slots=True)
class _Wrong:
    object_id: int
    sha256: str
    backend_type: str
    storage_uri: str
    refcount: int | None
    number: int


def count_passes() -> list[TablePass]:
    """The one pass over all objects."""
    return [
        TablePass(
            check=Check.COUNTS,
            name="counts",
            step="Counting references",
            unit="objects",
            table="storage_objects",
            key="object_id",
            look=_look,
        )
    ]


def _look(after: int, last: int) -> Looked:
    return Looked([_finding(one) for one in read(_WRONG, {"after": after, "last": last}, of=_Wrong)])


def _finding(one: _Wrong) -> Finding:
    name = called(one.object_id, one.sha256, one.backend_type)
    return Finding(
        kind=Kind.COUNT,
        sentence=f"{name} has {one.number:,} references, and its count says {_said(one.refcount)}.",
        object_id=one.object_id,
        sha256=one.sha256,
        backend_type=one.backend_type,
        address=one.storage_uri,
        expected=one.number,
        found=one.refcount,
    )


def _said(refcount: int | None) -> str:
    return "nothing" if refcount is None else f"{refcount:,}"
