"""The section of one relation in `docs/schema.md`."""

from collections.abc import Iterator
from inspect import cleandoc
from typing import Any

from django.db import models

from ncfd_site.schema.catalog import Column, Constraint, Relation
from ncfd_site.schema.docs.words import RULES
from ncfd_site.schema.docs.writers import WRITERS

# What happens to a row when the row that it refers to is deleted.
_ON_DELETE = {
    "cascade": "deleted with it",
    "set null": "emptied when that is deleted",
    "no action": "keeps that from being deleted",
    "restrict": "keeps that from being deleted",
    "set default": "set to its default when that is deleted",
}


def section(model: type[models.Model], relation: Relation) -> Iterator[str]:
    """Yield the lines on a relation and its model."""
    yield f"### `{relation.name}`"
    yield ""
    kind = "" if relation.kind == "table" else f"{relation.kind.capitalize()}. "
    yield f"{kind}{cleandoc(model.__doc__ or '')} Model: `{model._meta.label}`."
    if relation.name in RULES:
        yield RULES[relation.name]
    yield ""
    yield from writers(relation.name)
    yield ""
    fields = {field.column: field for field in model._meta.concrete_fields}
    if relation.kind == "table":
        yield "| column | type | NULL | filled | meaning |"
        yield "| --- | --- | --- | --- | --- |"
        for name, column in relation.columns.items():
            meaning = _meaning(fields[name], relation.foreign_keys.get(name))
            empty = "" if column.is_not_null else "yes"
            yield f"| `{name}` | {column.type} | {empty} | {_filled(column)} | {meaning} |"
    else:
        yield "| column | type | meaning |"
        yield "| --- | --- | --- |"
        for name, column in relation.columns.items():
            yield f"| `{name}` | {column.type} | {_meaning(fields[name], None)} |"
    yield ""
    yield from _keys(model, relation)


def writers(relation: str) -> Iterator[str]:
    """Yield a line on who writes the relation, and one for each column that somebody else writes."""
    yield f"Written by: {WRITERS[relation].by}."
    for column, who in WRITERS[relation].columns.items():
        yield f"- `{column}`: {who}."


def _filled(column: Column) -> str:
    if column.is_generated:
        return "generated"
    if column.is_identity or (column.default or "").startswith("nextval("):
        return "number"
    if column.default is None:
        return ""
    value = column.default.partition("::")[0]
    return f"`{value}`"


def _meaning(field: Any, foreign_key: Constraint | None) -> str:
    meaning: str = field.help_text
    if field.flatchoices:
        labels = [f"`{value}`" + _label(value, label) for value, label in field.flatchoices]
        meaning += f" One of {', '.join(labels)}."
    if foreign_key:
        target = f"`{foreign_key.target_relation}.{foreign_key.target_column}`"
        meaning += f" Refers to {target}, {_ON_DELETE[foreign_key.on_delete]}."
    return meaning.replace("|", "\\|")


def _label(value: str, label: str) -> str:
    # Signals and gates begin their labels with the code.
    plain = label.removeprefix(value).strip() if value[-1].isdigit() else label
    return "" if plain.lower() == value.lower().replace("_", " ") else f" ({plain})"


def _keys(model: type[models.Model], relation: Relation) -> Iterator[str]:
    key = ", ".join(f"`{field.column}`" for field in model._meta.pk_fields)
    what = "Primary key" if relation.primary_key else "Key of the model"
    unique = [
        f"`{'` with `'.join(other.columns or [])}`" + (" (for some rows)" if other.is_partial else "")
        for other in sorted(relation.unique_indexes, key=lambda other: other.columns or [])
        if not other.is_primary
    ]
    yield f"{what}: {key}." + (f" Unique: {'; '.join(unique)}." if unique and relation.kind == "table" else "")
    yield ""
