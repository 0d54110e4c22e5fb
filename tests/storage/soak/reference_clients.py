"""Clients that add and release references in all ways, and know which ones they should have."""

import random
from dataclasses import dataclass, field
from typing import Any

from tests.sql import Database, insert, one

OBJECTS = 64
ARRAYS = "%s::text[], %s::text[], %s::text[], %s::bigint[]"

# Hash, kind of referrer, key.
Reference = tuple[str, str, int]


@dataclass
class Client:
    """A client that shares objects with others and has its own referrers.

    `references` are the acknowledged ones, `attempted` those after the action in progress. After a lost connection,
    either may be in the database.
    """

    number: int
    references: set[Reference] = field(default_factory=set)
    attempted: set[Reference] | None = None
    # Created or kept since the last comparison with the database.
    documents: list[int] = field(default_factory=list)
    action_count: int = 0

    def __post_init__(self) -> None:
        """Seed by the number, so that a run can be repeated."""
        self._rng = random.Random(self.number)

    def act(self, db: Database) -> None:
        """Do one action in one transaction."""
        self._rng.choice(
            [
                self._change_one,
                self._change_one,
                self._change_batch,
                self._change_row,
                self._add_document,
                self._delete_documents,
            ]
        )(db)
        self.references, self.attempted = self.attempted or set(), None
        self.action_count += 1

    def assert_agreement(self, db: Database) -> None:
        """Assert that the database has the acknowledged references, with or without the action in progress."""
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
            f"client {self.number} lost {self.references - found} and has {found - self.references} too many; in"
            f" progress was {self.attempted and self.attempted ^ self.references}"
        )
        self.references, self.attempted = found, None
        # After a crash, the ID of a document whose transaction was lost may be used again: a sequence value is durable
        # only with the commit.
        self.documents = sorted({number for _, kind, number in found if kind == "document"})

    def _change_one(self, db: Database) -> None:
        reference = self._choose()
        adds = self._rng.random() < 0.6
        self.attempted = self.references | {reference} if adds else self.references - {reference}
        function = "increment_storage_refcount" if adds else "decrement_storage_refcount"
        sha256, kind, number = reference
        db.execute(f"SELECT {function}(%s, 'local', %s, %s)", [sha256, kind, number])

    def _change_batch(self, db: Database) -> None:
        references = [self._choose() for _ in range(20)]
        adds = self._rng.random() < 0.6
        self.attempted = self.references | set(references) if adds else self.references - set(references)
        function = "increment_storage_refcounts" if adds else "decrement_storage_refcounts"
        contents, kinds, numbers = (list(column) for column in zip(*references, strict=True))
        arrays: list[list[Any]] = [contents, ["local"] * len(references), kinds, numbers]
        db.execute(f"SELECT count(*) FROM {function}({ARRAYS})", arrays)

    def _change_row(self, db: Database) -> None:
        """Insert or delete a reference without the functions."""
        sha256, kind, number = reference = self._choose()
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

    def _add_document(self, db: Database) -> None:
        """Add a document and its references in one transaction."""
        contents = [_build_hash(self._rng.randrange(OBJECTS)) for _ in range(6)]
        with db.transaction():
            made = insert(db, "documents", source_type="Paper", storage_uri="local://x", sha256="0" * 64)
            self.documents.append(made)
            self.attempted = self.references | {(sha256, "document", made) for sha256 in contents}
            arrays: list[list[Any]] = [contents, ["local"] * 6, ["document"] * 6, [made] * 6]
            db.execute(f"SELECT count(*) FROM increment_storage_refcounts({ARRAYS})", arrays)

    def _delete_documents(self, db: Database) -> None:
        """Delete documents and with them their references."""
        existing = sorted({number for _, kind, number in self.references if kind == "document"})
        deleted = self._rng.sample(existing, min(2, len(existing)))
        self.attempted = {one for one in self.references if not (one[1] == "document" and one[2] in deleted)}
        db.execute("DELETE FROM documents WHERE doc_id = ANY (%s)", [deleted])

    def _choose(self) -> Reference:
        sha256 = _build_hash(self._rng.randrange(OBJECTS))
        return (sha256, "note", self.number * 1000 + self._rng.randrange(8))


def read_count(db: Database, query: str) -> int:
    """Return the number of a query."""
    return int(one(db.execute(query))[0])


def _build_hash(number: int) -> str:
    return f"{number:064x}"
