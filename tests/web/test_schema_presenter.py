"""Display values of the schema page."""

import pytest

from ncfd_site.schema.deploy.compare import Finding
from ncfd_site.schema.presenter import Difference, list_differences, split_remedy


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "To determine the current revision: manage.py migrate_alembic --adopt auto",
            [("To determine the current revision", "manage.py migrate_alembic --adopt auto")],
        ),
        (
            "To check it: manage.py migrate_alembic --adopt auto. To list all: manage.py migrate_alembic --drift",
            [
                ("To check it", "manage.py migrate_alembic --adopt auto"),
                ("To list all", "manage.py migrate_alembic --drift"),
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
        ("Set DATABASE_URL to the right database.", [("Set DATABASE_URL to the right database.", "")]),
        ("", []),
    ],
)
def test_a_remedy_is_split_into_text_and_code(text: str, parts: list[tuple[str, str]]) -> None:
    assert split_remedy(text) == parts


def test_parts_of_a_missing_table_are_counted() -> None:
    found = list_differences(
        [
            Finding("column", "lost.one", "text DEFAULT none", None),
            Finding("column", "kept.one", "text DEFAULT none", None),
            Finding("index", "ix_lost", "CREATE INDEX ix_lost ON public.lost USING btree (one)", None),
            Finding("relation", "lost", "table", None),
            Finding("trigger", "t on lost", "CREATE TRIGGER t", None),
        ]
    )
    assert found == [
        Difference("missing", "table", "lost", "", "", "", parts_count=3),
        Difference("missing", "column", "kept.one", "", "text DEFAULT none", ""),
    ]


def test_a_missing_constraint_has_the_statement_that_adds_it() -> None:
    [found] = list_differences([Finding("constraint", "scores.positive", "CHECK (score > 0)", None)])
    assert found.statement == "ALTER TABLE scores ADD CONSTRAINT positive CHECK (score > 0);"


def test_unfinished_objects_are_distinct_from_different_ones() -> None:
    definition = "CHECK (score > 0)"
    unfinished, differs = list_differences(
        [
            Finding("constraint", "scores.positive", definition, f"{definition} NOT VALID"),
            Finding("constraint", "scores.zero", definition, "CHECK (score >= 0)"),
        ]
    )
    assert (unfinished.change, differs.change) == ("unfinished", "differs")
