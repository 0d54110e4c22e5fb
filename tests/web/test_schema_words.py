"""How the schema page puts what it is told."""

import pytest

from ncfd_site.schema.deploy.compare import Finding
from ncfd_site.schema.presenter import (
    Difference,
    differences,
    remedy,
)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "To prove which, and to go on from there: manage.py migrate_alembic --adopt auto",
            [("To prove which, and to go on from there", "manage.py migrate_alembic --adopt auto")],
        ),
        (
            "To prove it: manage.py migrate_alembic --adopt auto. To see all: manage.py migrate_alembic --drift",
            [
                ("To prove it", "manage.py migrate_alembic --adopt auto"),
                ("To see all", "manage.py migrate_alembic --drift"),
            ],
        ),
        (
            "In psql: DROP INDEX CONCURRENTLY public.a_ccnew; REINDEX INDEX CONCURRENTLY public.b; Then: manage.py run",
            [
                ("In psql", "DROP INDEX CONCURRENTLY public.a_ccnew;"),
                ("", "REINDEX INDEX CONCURRENTLY public.b;"),
                ("Then", "manage.py run"),
            ],
        ),
        ("Let DATABASE_URL name the right one.", [("Let DATABASE_URL name the right one.", "")]),
        ("", []),
    ],
)
def test_a_remedy_is_split_into_what_is_said_and_what_is_typed(text: str, parts: list[tuple[str, str]]) -> None:
    assert remedy(text) == parts


def test_what_belongs_to_a_lost_table_is_counted_with_it() -> None:
    found = differences(
        [
            Finding("column", "lost.one", "text DEFAULT none", None),
            Finding("column", "kept.one", "text DEFAULT none", None),
            Finding("index", "ix_lost", "CREATE INDEX ix_lost ON public.lost USING btree (one)", None),
            Finding("relation", "lost", "table", None),
            Finding("trigger", "t on lost", "CREATE TRIGGER t", None),
        ]
    )
    assert found == [
        Difference("missing", "table", "lost", "", "", "", parts=3),
        Difference("missing", "column", "kept.one", "", "text DEFAULT none", ""),
    ]


def test_a_missing_constraint_comes_with_the_statement_that_makes_it() -> None:
    [found] = differences([Finding("constraint", "scores.positive", "CHECK (score > 0)", None)])
    assert found.statement == "ALTER TABLE scores ADD CONSTRAINT positive CHECK (score > 0);"


def test_what_did_not_end_is_told_apart_from_what_differs() -> None:
    definition = "CHECK (score > 0)"
    unfinished, differs = differences(
        [
            Finding("constraint", "scores.positive", definition, f"{definition} NOT VALID"),
            Finding("constraint", "scores.zero", definition, "CHECK (score >= 0)"),
        ]
    )
    assert (unfinished.what, differs.what) == ("unfinished", "differs")
