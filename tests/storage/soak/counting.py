"""Clients that make and release references in every way there is, each of which knows which ones it should have."""

import random
from dataclasses import dataclass, field
from typing import Any

from tests.sql import Database, insert, one

OBJECTS = 64
ARRAYS = "%s::text[], %s::text[], %s::text[], %s::bigint[]"

# The content, the kind of referrer, its number.
Reference = tuple[str, str, int]


@dataclass
class Client:
    """One of several that share content and have referrers of their own.

    `references` is what was acknowledged. `attempted` is what it becomes with the act that is under way: whoever loses
    the connection does not know which of the two is so.
    """

    number: int
    references: set[Reference] = field(default_factory=set)
    attempted: set[Reference] | None = None
    # All that it has made since it was last held against the database, and had then.
    documents: list[int] = field(default_factory=list)
    acts: int = 0

    def __post_init__(self) -> None:
        """Draw by the number, so that a run can be repeated."""
        self._chance = random.Random(self.number)

    def act(self, db: Database) -> None:
        """Do one thing, in one transaction."""
        self._chance.choice([self._single, self._single, self._batch, self._plainly, self._bring, self._delete])(db)
        self.references, self.attempted = self.attempted or set(), None
        self.acts += 1

    def require_agreement(self, db: Database) -> None:
        """The database has what was acknowledged, or that and the act that was under way, and nothing else."""
        found = {
            (sha256, kind, number)
            for sha256, kind, number in db.execute(
                "SELECT o.sha256, r.reference_type, r.referenced_id FROM storage_references r"
                " JOIN storage_objects o USING (object_id)"
                " WHERE (reference_type = 'note' AND referenced_id / 1000 = %s)"
                "    OR (reference_type = 'document' AND referenced_id = ANY (%s))",
                [self.number, self.documents],
            )
        }
        assert found in (self.references, self.attempted or self.references), (
            f"client {self.number} lost {self.references - found} and has {found - self.references} too many; under way"
            f" was {self.attempted and self.attempted ^ self.references}"
        )
        self.references, self.attempted = found, None
        # The number of a document that was lost with its transaction may be given to somebody else after a crash: what
        # a sequence has given out is durable only with the commit.
        self.documents = sorted({number for _, kind, number in found if kind == "document"})

    def _single(self, db: Database) -> None:
        reference = self._draw()
        adds = self._chance.random() < 0.6
        self.attempted = self.references | {reference} if adds else self.references - {reference}
        function = "increment_storage_refcount" if adds else "decrement_storage_refcount"
        sha256, kind, number = reference
        db.execute(f"SELECT {function}(%s, 'local', %s, %s)", [sha256, kind, number])

    def _batch(self, db: Database) -> None:
        references = [self._draw() for _ in range(20)]
        adds = self._chance.random() < 0.6
        self.attempted = self.references | set(references) if adds else self.references - set(references)
        function = "increment_storage_refcounts" if adds else "decrement_storage_refcounts"
        contents, kinds, numbers = (list(column) for column in zip(*references, strict=True))
        arrays: list[list[Any]] = [contents, ["local"] * len(references), kinds, numbers]
        db.execute(f"SELECT count(*) FROM {function}({ARRAYS})", arrays)

    def _plainly(self, db: Database) -> None:
        """Write a reference without the functions."""
        sha256, kind, number = reference = self._draw()
        where = "object_id = (SELECT object_id FROM storage_objects WHERE sha256 = %s)"
        if reference in self.references:
            self.attempted = self.references - {reference}
            delete = f"DELETE FROM storage_references WHERE {where} AND reference_type = %s AND referenced_id = %s"
            db.execute(delete.encode(), [sha256, kind, number])
            return
        known = db.execute("SELECT object_id FROM storage_objects WHERE sha256 = %s", [sha256]).fetchone()
        self.attempted = self.references | {reference} if known else self.references
        if known:
            insert(db, "storage_references", object_id=known[0], reference_type=kind, referenced_id=number)

    def _bring(self, db: Database) -> None:
        """Make a document, and its references in the same transaction."""
        contents = [_content(self._chance.randrange(OBJECTS)) for _ in range(6)]
        with db.transaction():
            made = insert(db, "documents", source_type="Paper", storage_uri="local://x", sha256="0" * 64)
            self.documents.append(made)
            self.attempted = self.references | {(sha256, "document", made) for sha256 in contents}
            arrays: list[list[Any]] = [contents, ["local"] * 6, ["document"] * 6, [made] * 6]
            db.execute(f"SELECT count(*) FROM increment_storage_refcounts({ARRAYS})", arrays)

    def _delete(self, db: Database) -> None:
        """Delete some documents, with which their references go."""
        there = sorted({number for _, kind, number in self.references if kind == "document"})
        going = self._chance.sample(there, min(2, len(there)))
        self.attempted = {one for one in self.references if not (one[1] == "document" and one[2] in going)}
        db.execute("DELETE FROM documents WHERE doc_id = ANY (%s)", [going])

    def _draw(self) -> Reference:
        sha256 = _content(self._chance.randrange(OBJECTS))
        return (sha256, "note", self.number * 1000 + self._chance.randrange(8))


def count_of(db: Database, query: str) -> int:
    """The number that a query gives."""
    return int(one(db.execute(query))[0])


def _content(number: int) -> str:
    return f"{number:064x}"
