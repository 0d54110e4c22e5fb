"""What a check finds: one thing that is not as it should be."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Check(StrEnum):
    """One kind of looking."""

    COUNTS = "counts"
    OWNERS = "owners"
    BYTES = "bytes"
    HASHES = "hashes"
    ORPHANS = "orphans"


class Kind(StrEnum):
    """What is wrong."""

    COUNT = "count"
    OWNER_MISSING = "owner missing"
    REFERENCE_MISSING = "reference missing"
    DOCUMENT_ADDRESS = "document address"
    DOCUMENT_HASH = "document hash"
    MISSING = "missing"
    SIZE = "size"
    SIZE_UNTOLD = "size not told"
    ADDRESS = "address"
    DAMAGED = "damaged"
    ORPHAN = "orphan"
    OVERDUE = "tombstone overdue"
    ABANDONED = "abandoned file"

    @property
    def is_note(self) -> bool:
        """Whether it is told and is nothing wrong."""
        return self is Kind.SIZE_UNTOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, and the sentence that says so.

    `owner` is a kind of referrer and its key, as in "document 12"; `address` is where bytes lie, or the name of a file
    in the content root. `expected` and `found` are what the two sides say: counts, bytes, hashes, addresses.
    """

    kind: Kind
    sentence: str
    object_id: int | None = None
    sha256: str | None = None
    backend_type: str | None = None
    address: str | None = None
    owner: str | None = None
    expected: str | int | None = None
    found: str | int | None = None

    def as_json(self) -> dict[str, Any]:
        """What is known of it, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "Finding":
        """The finding that was written so; raises ValueError where it is none."""
        try:
            finding = cls(**{**given, "kind": Kind(given["kind"])})
        except (KeyError, TypeError) as error:
            raise ValueError(f"no finding: {error}") from None
        for name, types in _TYPES.items():
            if not isinstance(getattr(finding, name), types):
                raise ValueError(f"{name} is {getattr(finding, name)!r}")  # noqa: TRY004 (what was given is text)
        if finding.owner is not None and not _OWNER.fullmatch(finding.owner):
            raise ValueError(f"owner is {finding.owner!r}")
        if missing := [name for name in _NAMED_BY[finding.kind] if getattr(finding, name) is None]:
            raise ValueError(f"{', '.join(missing)} is missing")
        return finding


_TEXT = (str, type(None))
_TYPES: dict[str, tuple[type, ...]] = {
    "sentence": (str,),
    "object_id": (int, type(None)),
    **dict.fromkeys(("sha256", "backend_type", "address", "owner"), _TEXT),
}
_OWNER = re.compile(r"(document|study) -?[0-9]{1,19}")
# What a finding of a kind is about.
_NAMED_BY: dict[Kind, tuple[str, ...]] = {
    **dict.fromkeys(Kind, ("object_id",)),
    **dict.fromkeys(
        (Kind.OWNER_MISSING, Kind.REFERENCE_MISSING, Kind.DOCUMENT_ADDRESS, Kind.DOCUMENT_HASH), ("object_id", "owner")
    ),
    **dict.fromkeys((Kind.ORPHAN, Kind.OVERDUE, Kind.ABANDONED), ("address",)),
}


def object_of(finding: Finding) -> int:
    """The number of the object that it is about; raises ValueError where it is about none."""
    if finding.object_id is None:
        raise ValueError(f"The finding {finding.kind} is about no object.")
    return finding.object_id


def owner_of(finding: Finding) -> tuple[str, int]:
    """The kind and the key of its owner."""
    kind, _, key = (finding.owner or "").partition(" ")
    return kind, int(key)


def called(object_id: int, sha256: str, backend_type: str) -> str:
    """An object as sentences name it."""
    return f"Object {object_id} ({sha256[:12]}, {backend_type})"
