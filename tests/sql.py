"""Small ways to write rows and to see the database refuse them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import transaction
from psycopg import sql
from psycopg.types.json import Jsonb

Database = psycopg.Connection[Any]


def insert(db: Database, table: str, **values: Any) -> Any:
    """Insert a row and return the value of its first column."""
    names = sql.SQL(", ").join(map(sql.Identifier, values))
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING *").format(
        sql.Identifier(table), names, sql.SQL(", ").join([sql.Placeholder()] * len(values))
    )
    adapted = [Jsonb(value) if isinstance(value, dict | list) else value for value in values.values()]
    return one(db.execute(statement, adapted))[0]


@contextmanager
def rolled_back() -> Iterator[None]:
    """Undo what the block wrote to Django's database, so that the next subtest finds the state before it."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def one(cursor: psycopg.Cursor[Any]) -> Any:
    """The only row of a result."""
    rows = cursor.fetchall()
    assert len(rows) == 1, rows
    return rows[0]


@contextmanager
def refused(db: Database, error: type[psycopg.Error], words: str | None = None) -> Iterator[None]:
    """Expect the database to refuse what is inside with this error, and keep the transaction usable."""
    with pytest.raises(error, match=words), db.transaction():
        yield


def make_trial(db: Database, nct_id: str = "NCT00000001", *, is_pivotal: bool = True) -> int:
    return int(insert(db, "trials", nct_id=nct_id, is_pivotal=is_pivotal, last_seen_at="2025-01-01T00:00Z"))


def make_company(db: Database, cik: int, name: str = "Acme Bio") -> int:
    return int(insert(db, "companies", cik=cik, name=name, name_norm=name.lower()))


def make_link_audits(db: Database, heuristic: str, labels: Sequence[bool | None], **values: Any) -> None:
    """A document, an asset, and a link audit between them for each label."""
    doc_id = insert(db, "documents", source_type="Paper", storage_uri="local://x", sha256="0" * 64)
    asset_id = insert(db, "assets", names_jsonb={})
    for label in labels:
        insert(
            db,
            "link_audit",
            **{
                "doc_id": doc_id,
                "asset_id": asset_id,
                "link_type": "t",
                "confidence": 1,
                "heuristic_applied": heuristic,
            }
            | {"label": label}
            | values,
        )
