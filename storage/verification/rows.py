"""Rows of objects as the checks of their bytes see them."""

from collections.abc import Collection
from dataclasses import dataclass

from storage.verification.findings import called
from storage.verification.options import VerifyOptions
from storage.verification.reading import read, read_value

# A hash of the key draws the sample, so that the same seed draws the same rows whenever and wherever it goes on.
_DRAWN = "(hashint8extended(object_id, %(seed)s) & 4294967295) < %(most)s"
_PAGE = f"""
SELECT object_id, sha256, backend_type, tier, storage_uri, size_bytes, 0 AS version
FROM storage_objects WHERE object_id > %(after)s AND {_DRAWN} ORDER BY object_id LIMIT %(size)s
"""  # noqa: S608 (a constant)
_COUNT = f"SELECT count(*) FROM storage_objects WHERE {_DRAWN}"  # noqa: S608 (a constant)
# The number of its last move tells a row that went away and came back from one that stayed.
_FRESH = """
SELECT o.object_id, o.sha256, o.backend_type, o.tier, o.storage_uri, o.size_bytes,
       coalesce(moved.last, 0) AS version
FROM storage_objects o
CROSS JOIN LATERAL (SELECT max(e.event_id) AS last FROM storage_events e WHERE e.sha256 = o.sha256
                    AND e.backend_type = o.backend_type AND e.action IN ('moved', 'repaired')) moved
WHERE o.object_id = ANY(%s) ORDER BY o.object_id
"""


@dataclass(frozen=True, slots=True)
class Row:
    """An object: where its row says that its bytes lie, and how many they are."""

    object_id: int
    sha256: str
    backend_type: str
    tier: str
    storage_uri: str
    size_bytes: int
    version: int

    @property
    def name(self) -> str:
        """The object as sentences name it."""
        return called(self.object_id, self.sha256, self.backend_type)


def rows_after(after: int, size: int, options: VerifyOptions) -> list[Row]:
    """The next rows of the sample."""
    return read(_PAGE, {**_drawn(options), "after": after, "size": size}, of=Row)


def number_of_rows(options: VerifyOptions) -> int:
    """How many rows the sample has."""
    return int(read_value(_COUNT, _drawn(options)))


def fresh(object_ids: Collection[int]) -> dict[int, Row]:
    """Those rows as they are now, without those that are gone."""
    return {row.object_id: row for row in read(_FRESH, [list(object_ids)], of=Row)}


def _drawn(options: VerifyOptions) -> dict[str, int]:
    return {"seed": options.seed, "most": round(options.sample * 2**32)}
