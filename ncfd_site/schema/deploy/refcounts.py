"""Counts of the content store that drifted from its references: references are the truth.

Each change is in the log of migration, with what the count was, so that nothing is lost.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ncfd_site.schema.deploy import history
from ncfd_site.schema.deploy.history import LogAction
from ncfd_site.schema.deploy.session import Connection

# Objects in one transaction: others that count wait for no more than these.
_BATCH = 1000

_DRIFTED = """
    SELECT o.object_id, o.refcount, coalesce(r.n, 0)::integer
    FROM public.storage_objects o
    LEFT JOIN (SELECT object_id, count(*) AS n FROM public.storage_references GROUP BY 1) r USING (object_id)
    WHERE o.refcount <> coalesce(r.n, 0)
    ORDER BY o.object_id
"""

# The functions lock an object before they touch its references: once it is locked, its references stand still.
_LOCK = "SELECT 1 FROM public.storage_objects WHERE object_id = ANY (%s) ORDER BY object_id FOR NO KEY UPDATE"
_MEND = """
    WITH was AS (SELECT object_id, refcount FROM public.storage_objects WHERE object_id = ANY (%s)),
    counted AS (
        SELECT w.object_id, w.refcount,
               (SELECT count(*) FROM public.storage_references r WHERE r.object_id = w.object_id)::integer AS n
        FROM was w
    )
    UPDATE public.storage_objects o SET refcount = c.n
    FROM counted c WHERE o.object_id = c.object_id AND o.refcount <> c.n
    RETURNING o.object_id, c.refcount, c.n
"""


@dataclass(frozen=True)
class Drifted:
    """An object whose count is not the number of its references."""

    object_id: int
    refcount: int
    references: int

    def __str__(self) -> str:
        return f"{self.object_id}: {self.refcount} -> {self.references}"


def drifted(connection: Connection) -> list[Drifted]:
    """The objects whose counts are wrong; empty where there is no content store yet."""
    there = connection.execute(
        "SELECT to_regclass('public.storage_objects') IS NOT NULL"
        " AND to_regclass('public.storage_references') IS NOT NULL"
    ).fetchone()
    if there != (True,):
        return []
    return [Drifted(*row) for row in connection.execute(_DRIFTED).fetchall()]


def mend(connection: Connection, objects: list[Drifted], revision: str, log: history.Run) -> Iterator[Drifted]:
    """Give the objects their counts, and yield each change when it is made and logged."""
    for start in range(0, len(objects), _BATCH):
        ids = [each.object_id for each in objects[start : start + _BATCH]]
        with connection.transaction():
            log.begin()
            connection.execute(_LOCK, [ids])
            changed = [Drifted(*row) for row in connection.execute(_MEND, [ids]).fetchall()]
            if changed:
                detail = "refcount of storage_objects: " + ", ".join(
                    map(str, sorted(changed, key=lambda c: c.object_id))
                )
                log.record(connection, revision, LogAction.REPAIR, detail=detail)
        yield from changed
