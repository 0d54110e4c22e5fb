"""The page `docs/schema.md`."""

from collections.abc import Iterator
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, models

from ncfd_site.schema import catalog
from ncfd_site.schema.catalog import Relation, Schema
from ncfd_site.schema.deploy import revisions
from ncfd_site.schema.docs import tables, words

# Written by hand so that the page reads from what people see first to what only operators see.
ORDER = ("storage", "linkaudit", "securities", "signals", "schema", "api", "jobs")


def path() -> Path:
    """Where the page lies."""
    return Path(settings.BASE_DIR) / "docs" / "schema.md"


def render(using: str = DEFAULT_DB_ALIAS) -> str:
    """Return the page for this code and the database, which must be at the newest revision."""
    return "\n".join(_lines(using)).rstrip("\n") + "\n"


def _lines(using: str) -> Iterator[str]:
    schema = catalog.read_schema(using)
    relations = schema.relations
    yield words.INTRODUCTION
    yield from _contents()
    for label in ORDER:
        yield f"## {apps.get_app_config(label).verbose_name}"
        yield ""
        yield words.APPS[label]
        for model in _models(label):
            yield from tables.section(model, relations[model._meta.db_table])
    yield from _without_key(relations)
    yield from _enums(schema)
    yield from _routines(schema)
    yield from _revisions()
    yield words.HAND_APPLIED


def _models(label: str) -> list[type[models.Model]]:
    own = [model for model in apps.get_app_config(label).get_models() if not model._meta.managed]
    return sorted(own, key=lambda model: model._meta.db_table)


def _contents() -> Iterator[str]:
    for label in ORDER:
        links = [f"[`{name}`](#{name})" for name in (model._meta.db_table for model in _models(label))]
        yield f"- {apps.get_app_config(label).verbose_name}: {', '.join(links)}"
    links = [f"[`{name}`](#{name})" for name in words.READ_THROUGH_QUERIES]
    yield f"- Without a key: {', '.join(links)}"
    yield ""


def _without_key(relations: dict[str, Relation]) -> Iterator[str]:
    yield "## Relations without a key"
    yield ""
    yield "A model needs a key, and these have none; each is read through a function that returns typed rows."
    yield ""
    for name, (purpose, function) in words.READ_THROUGH_QUERIES.items():
        yield f"### `{name}`"
        yield ""
        yield f"{purpose} Read by `{function}` and the functions beside it."
        yield ""
        yield from tables.writers(name)
        yield ""
        yield "| column | type | NULL | meaning |"
        yield "| --- | --- | --- | --- |"
        for column in relations[name].columns.values():
            empty = "" if column.is_not_null or relations[name].kind != "table" else "yes"
            yield f"| `{column.name}` | {column.type} | {empty} | {words.MEANINGS[name][column.name]} |"
        yield ""


def _enums(schema: Schema) -> Iterator[str]:
    yield "## Enum types"
    yield ""
    yield "| type | labels |"
    yield "| --- | --- |"
    for name, labels in schema.enums.items():
        yield f"| `{name}` | {', '.join(f'`{label}`' for label in labels)} |"
    yield ""


def _routines(schema: Schema) -> Iterator[str]:
    yield "## Functions and triggers"
    yield ""
    for routine in schema.routines:
        yield f"### `{routine.name}`"
        yield ""
        yield f"`{routine.name}({routine.arguments})` returns `{routine.result}`"
        yield ""
        yield words.ROUTINES[routine.name]
        yield ""
    yield "| trigger | on | runs |"
    yield "| --- | --- | --- |"
    for trigger in schema.triggers:
        yield f"| `{trigger.name}` | `{trigger.relation}` | `{trigger.routine}` |"
    yield ""


def _revisions() -> Iterator[str]:
    yield "## Revisions"
    yield ""
    yield "One line, oldest first; the files are in `ncfd_site/schema/versions/`."
    yield ""
    yield "| revision | what it does |"
    yield "| --- | --- |"
    for revision in revisions.load_revisions():
        yield f"| `{revision.id}` | {revision.summary} |"
    yield ""
