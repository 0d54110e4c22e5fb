"""The sections of relations in `docs/schema.md`."""

from collections.abc import Iterator
from inspect import cleandoc
from typing import Any

from django.db import models

from ncfd_site.config.errors import UserError
from ncfd_site.schema.catalog import Column, Constraint, Relation
from ncfd_site.schema.docs.writers import WRITERS

# What happens to a row when the row that it refers to is deleted.
_ON_DELETE = {
    "cascade": "deleted with it",
    "set null": "set to NULL if that is deleted",
    "no action": "prevents its deletion",
    "restrict": "prevents its deletion",
    "set default": "set to its default if that is deleted",
}


def describe_model(model: type[models.Model], relation: Relation) -> Iterator[str]:
    """Yield the section of a relation with a model."""
    kind = "" if relation.kind == "table" else f"{relation.kind.capitalize()}. "
    yield from _render_heading(relation, f"{kind}{cleandoc(model.__doc__ or '')}")
    yield f"Model: `{model._meta.label}`."
    yield ""
    fields = {field.column: field for field in model._meta.concrete_fields}
    if missing := relation.columns.keys() - fields.keys():
        raise UserError(
            f"The model {model._meta.label} has no field for {', '.join(sorted(missing))} of {relation.name}. Add it."
        )
    meanings = {name: _describe_meaning(fields[name]) for name in relation.columns}
    yield from _render_columns(relation, meanings)
    yield from _render_keys(model, relation)


def describe_relation(relation: Relation, reader: str) -> Iterator[str]:
    """Yield the section of a relation without a model, from its comments; `reader` is the function that reads it."""
    yield from _render_heading(relation, relation.comment or "")
    yield f"Read by: `{reader}`."
    yield ""
    yield from _render_columns(relation, {name: column.comment or "" for name, column in relation.columns.items()})


def _render_heading(relation: Relation, description: str) -> Iterator[str]:
    yield f"### `{relation.name}`"
    yield ""
    yield description
    yield ""
    yield f"Written by: {WRITERS[relation.name].by}."
    for column, writer in WRITERS[relation.name].columns.items():
        yield f"- `{column}`: {writer}."
    yield ""


def _render_columns(relation: Relation, meanings: dict[str, str]) -> Iterator[str]:
    # Columns of views have neither constraints nor defaults.
    is_table = relation.kind == "table"
    yield "| column | type | NULL | filled | meaning |" if is_table else "| column | type | meaning |"
    yield "| --- | --- | --- | --- | --- |" if is_table else "| --- | --- | --- |"
    for name, column in relation.columns.items():
        meaning = meanings[name] + _describe_reference(relation.foreign_keys.get(name))
        rest = (
            f"{'' if column.is_not_null else 'yes'} | {_describe_default(column)} | {meaning}" if is_table else meaning
        )
        yield f"| `{name}` | {column.type} | {rest} |"
    yield ""


def _describe_default(column: Column) -> str:
    if column.is_generated:
        return "generated"
    if column.is_identity or (column.default or "").startswith("nextval("):
        return "number"
    if column.default is None:
        return ""
    value = column.default.partition("::")[0]
    return f"`{value}`"


def _describe_meaning(field: Any) -> str:
    meaning: str = field.help_text
    if field.flatchoices:
        labels = [f"`{value}`" + _describe_label(value, label) for value, label in field.flatchoices]
        meaning += f" One of {', '.join(labels)}."
    return meaning.replace("|", "\\|")


def _describe_label(value: str, label: str) -> str:
    # Labels of signals and gates start with the code.
    plain = label.removeprefix(value).strip() if value[-1].isdigit() else label
    return "" if plain.lower() == value.lower().replace("_", " ") else f" ({plain})"


def _describe_reference(foreign_key: Constraint | None) -> str:
    if foreign_key is None:
        return ""
    target = f"`{foreign_key.target_relation}.{foreign_key.target_column}`"
    return f" References {target}, {_ON_DELETE[foreign_key.on_delete]}."


def _render_keys(model: type[models.Model], relation: Relation) -> Iterator[str]:
    key = ", ".join(f"`{field.column}`" for field in model._meta.pk_fields)
    title = "Primary key" if relation.primary_key else "Key of the model"
    unique = [
        f"`{'` with `'.join(other.columns or [])}`" + (" (for some rows)" if other.is_partial else "")
        for other in sorted(relation.unique_indexes, key=lambda other: other.columns or [])
        if not other.is_primary
    ]
    yield f"{title}: {key}." + (f" Unique: {'; '.join(unique)}." if unique and relation.kind == "table" else "")
    yield ""
