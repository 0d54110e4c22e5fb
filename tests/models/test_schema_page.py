"""docs/schema.md is generated from the models, the comments and the catalog, and describes every object."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from linkaudit.models import LinkAudit
from ncfd_site.core import sql
from ncfd_site.schema import catalog
from ncfd_site.schema.docs import document
from ncfd_site.schema.docs.writers import WRITERS

pytestmark = pytest.mark.django_db


def test_page_is_up_to_date() -> None:
    assert document.path().read_text(encoding="utf-8") == document.render(), "stale: run manage.py schema_docs"


def test_change_of_the_database_makes_the_page_stale() -> None:
    sql.execute("ALTER TABLE trials ALTER COLUMN phase TYPE text")

    with pytest.raises(CommandError, match="schema_docs"):
        call_command("schema_docs", "--check")


def test_change_of_a_help_text_makes_the_page_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LinkAudit._meta.get_field("label"), "help_text", "Something else.")

    with pytest.raises(CommandError, match="out of date"):
        call_command("schema_docs", "--check")


def test_page_needs_the_newest_revision() -> None:
    sql.execute("DELETE FROM alembic_version")

    with pytest.raises(CommandError, match="has no schema version"):
        call_command("schema_docs")


def test_command_writes_the_page_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = tmp_path / "docs" / "schema.md"
    monkeypatch.setattr(document, "path", lambda: page)
    output = StringIO()

    call_command("schema_docs", stdout=output)
    call_command("schema_docs", stdout=output)

    assert output.getvalue().splitlines() == ["docs/schema.md is written.", "docs/schema.md is up to date."]
    assert page.read_text(encoding="utf-8") == document.render()


def test_every_relation_column_and_routine_is_described() -> None:
    page = document.render()
    schema = catalog.read_schema()

    for relation in schema.relations.values():
        section = page.partition(f"### `{relation.name}`\n")[2].partition("\n### ")[0]
        assert "Written by: " in section, relation.name
        for column in relation.columns.values():
            row = next(line for line in section.splitlines() if line.startswith(f"| `{column.name}` |"))
            assert column.type in row
            assert len(row.split("|")[-2].strip()) >= len("The day."), f"{relation.name}.{column.name} has no meaning"
    assert [routine.name for routine in schema.routines if not routine.comment] == []


def test_writers_name_existing_relations_and_columns() -> None:
    relations = catalog.read_schema().relations

    assert WRITERS.keys() == relations.keys()
    for name, writers in WRITERS.items():
        assert writers.columns.keys() <= relations[name].columns.keys()
