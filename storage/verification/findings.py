"""Findings of a verification: one thing that is wrong."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Protocol


class FindingKind(StrEnum):
    """The kind of an error."""

    COUNT = "wrong count"
    MISSING_REFERRER = "missing referrer"
    MISSING_REFERENCE = "missing reference"
    DOCUMENT_URI = "document URI mismatch"
    DOCUMENT_HASH = "document hash mismatch"
    MISSING = "missing object"
    SIZE = "wrong size"
    UNKNOWN_SIZE = "unknown size"
    URI = "wrong URI"
    CORRUPT = "corrupt object"
    ORPHAN = "orphan"
    OVERDUE = "overdue tombstone"
    ABANDONED = "abandoned upload"

    @property
    def is_note(self) -> bool:
        """True if it is reported without being an error."""
        return self is FindingKind.UNKNOWN_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An error, with a message of one sentence.

    `referrer` is a kind and a key, such as "document 12"; `location` is a storage URI, or a file below the content
    root. `expected` and `actual` are the two values that differ: counts, sizes, hashes, URIs.
    """

    kind: FindingKind
    message: str
    object_id: int | None = None
    sha256: str | None = None
    backend_type: str | None = None
    location: str | None = None
    referrer: str | None = None
    expected: str | int | None = None
    actual: str | int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the known fields by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Finding":
        """Return a finding from its JSON; raises ValueError for anything else."""
        try:
            finding = cls(**{**stored, "kind": FindingKind(stored["kind"])})
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a finding: {error}") from None
        for name, types in _TYPES.items():
            if not isinstance(getattr(finding, name), types):
                raise ValueError(f"{name} is {getattr(finding, name)!r}")  # noqa: TRY004 (the input is text)
        if finding.referrer is not None and not _REFERRER.fullmatch(finding.referrer):
            raise ValueError(f"referrer is {finding.referrer!r}")
        if missing := [name for name in _REQUIRED[finding.kind] if getattr(finding, name) is None]:
            raise ValueError(f"{', '.join(missing)} is missing")
        return finding


_TEXT = (str, type(None))
_TYPES: dict[str, tuple[type, ...]] = {
    "message": (str,),
    "object_id": (int, type(None)),
    **dict.fromkeys(("sha256", "backend_type", "location", "referrer"), _TEXT),
}
_REFERRER = re.compile(r"(document|study) -?[0-9]{1,19}")
_OF_REFERRERS = (
    FindingKind.MISSING_REFERRER,
    FindingKind.MISSING_REFERENCE,
    FindingKind.DOCUMENT_URI,
    FindingKind.DOCUMENT_HASH,
)
_REQUIRED: dict[FindingKind, tuple[str, ...]] = {
    **dict.fromkeys(FindingKind, ("object_id",)),
    **dict.fromkeys(_OF_REFERRERS, ("object_id", "referrer")),
    **dict.fromkeys((FindingKind.ORPHAN, FindingKind.OVERDUE, FindingKind.ABANDONED), ("location",)),
}


def get_object_id(finding: Finding) -> int:
    """Return the object of a finding; raises ValueError if it has none."""
    if finding.object_id is None:
        raise ValueError(f"The finding {finding.kind} has no object.")
    return finding.object_id


def get_referrer(finding: Finding) -> tuple[str, int]:
    """Return kind and key of a finding's referrer."""
    kind, _, key = (finding.referrer or "").partition(" ")
    return kind, int(key)


class ObjectRow(Protocol):
    """A row with the columns that identify an object."""

    @property
    def object_id(self) -> int: ...
    @property
    def sha256(self) -> str: ...
    @property
    def backend_type(self) -> str: ...
    @property
    def storage_uri(self) -> str: ...


def describe_object(row: ObjectRow) -> str:
    """Return an object's name in messages."""
    return f"Object {row.object_id} ({row.sha256[:12]}, {row.backend_type})"


def create_object_finding(kind: FindingKind, row: ObjectRow, message: str, **values: Any) -> Finding:
    """Return a finding about an object; `values` are its referrer and the expected and actual value."""
    return Finding(
        kind=kind,
        message=message,
        object_id=row.object_id,
        sha256=row.sha256,
        backend_type=row.backend_type,
        location=row.storage_uri,
        **values,
    )
