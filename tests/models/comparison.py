"""Comparison of models with the catalog of a database."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import connection, models
from django.db.models.sql import Query

from ncfd_site.core import sql
from ncfd_site.core.fields import EnumField
from ncfd_site.schema.catalog import Column, Relation

Model = type[models.Model]
Field = Any  # django-stubs has no common type with these attributes.


def differences(
    own_models: Iterable[Model],
    relations: dict[str, Relation],
    enums: dict[str, list[str]],
    without_model: Iterable[str],
) -> list[str]:
    """Return a sentence per difference; `without_model` has the relations that need no model."""
    by_table = {model._meta.db_table: model for model in own_models}
    found = [f"{table}: the model {by_table[table].__name__} has no relation" for table in by_table.keys() - relations]
    without = relations.keys() - by_table.keys()
    found += [f"{name}: the {relations[name].kind} has no model" for name in without - set(without_model)]
    found += [f"{name}: listed as without a model, but it has one" for name in set(without_model) & by_table.keys()]
    found += [
        f"{name}: listed as without a model, but it does not exist" for name in set(without_model) - relations.keys()
    ]
    used_enums = set()
    for table in sorted(by_table.keys() & relations.keys()):
        model, relation = by_table[table], relations[table]
        found += _of_model(model, relation)
        found += _of_keys(model, relation)
        for field in _columns(model).values():
            if isinstance(field, EnumField):
                used_enums.add(field.enum_type)
                found += _of_enum(f"{table}.{field.column}", field, enums)
    found += [f"{name}: no field has this enum type" for name in enums.keys() - used_enums]
    return sorted(found)


def _columns(model: Model) -> dict[str, Field]:
    return {field.column: field for field in model._meta.concrete_fields if field.column}


def _of_model(model: Model, relation: Relation) -> Iterator[str]:
    fields = _columns(model)
    for name in relation.columns.keys() - fields.keys():
        yield f"{relation.name}.{name}: the column has no field in {model.__name__}"
    for name in fields.keys() - relation.columns.keys():
        yield f"{relation.name}.{name}: the field {model.__name__}.{fields[name].name} has no column"
    for name in fields.keys() & relation.columns.keys():
        column, field = relation.columns[name], fields[name]
        here = f"{relation.name}.{name}"
        yield from _unequal(here, "type", column.type, catalog_type(field.db_parameters(connection)["type"]))
        # Columns of views have no constraints and no defaults.
        if relation.kind == "table":
            yield from _unequal(here, "NOT NULL", column.is_not_null, not field.null)
            yield from _unequal(here, "generated", column.is_generated, field.generated)
            yield from _of_default(here, column, field)
            yield from _of_values(here, relation.checked_values.get(name), field)
        yield from _of_foreign_key(here, relation, field)


def _unequal(here: str, what: str, database: object, model: object) -> Iterator[str]:
    if database != model:
        yield f"{here}: {what} is {database!r} in the database and {model!r} in the model"


def catalog_type(db_type: str) -> str:
    """Return a Django column type in the spelling of the catalog."""
    return re.sub(r"^varchar\b", "character varying", db_type).replace(", ", ",")


def _of_default(here: str, column: Column, field: Field) -> Iterator[str]:
    filled = column.is_identity or (column.default is not None and not column.is_generated)
    yield from _unequal(
        here, "filled by the database", filled, field.has_db_default() or isinstance(field, models.AutoField)
    )
    if not filled or column.default is None or not field.has_db_default():
        return
    query = Query(None)
    compiler = connection.ops.compiler("SQLCompiler")(query, connection, None)
    expression, parameters = compiler.compile(field._db_default_expression.resolve_expression(query))
    # These functions return different values for each call, so compare their names.
    for function, in_django in (("now(", "STATEMENT_TIMESTAMP("), ("nextval(", "nextval(")):
        if function in column.default or in_django in expression:
            yield from _unequal(here, f"default from {function})", function in column.default, in_django in expression)
            return
    if not sql.value(f"SELECT ({column.default}) = ({expression})::{column.type}", parameters):
        modeled = ", ".join(str(parameter) for parameter in parameters)
        yield f"{here}: default is {column.default} in the database and {modeled} in the model"


def _of_values(here: str, checked: list[str] | None, field: Field) -> Iterator[str]:
    if checked is not None:
        yield from _unequal(here, "values", checked, sorted(value for value, _ in field.flatchoices))


def _of_foreign_key(here: str, relation: Relation, field: Field) -> Iterator[str]:
    constraint = relation.foreign_keys.get(field.column)
    actual = (constraint.target_relation, constraint.target_column) if constraint else None
    modeled = None
    if field.is_relation and field.db_constraint:
        modeled = (field.remote_field.model._meta.db_table, field.target_field.column)
        yield from _unequal(here, "on_delete DO_NOTHING", True, field.remote_field.on_delete is models.DO_NOTHING)
    yield from _unequal(here, "foreign key", actual, modeled)


def _of_keys(model: Model, relation: Relation) -> Iterator[str]:
    primary = [field.column for field in model._meta.pk_fields]
    indexes = relation.unique_indexes
    partial = sorted(index.columns or [] for index in indexes if index.is_partial)
    unique = sorted(index.columns or [] for index in indexes if not index.is_partial and not index.is_primary)
    modeled = [[name] for name, field in _columns(model).items() if field.unique and [name] != primary]
    modeled_partial: list[list[str]] = []
    by_name: dict[str, Field] = {field.name: field for field in model._meta.concrete_fields}
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            names = [by_name[name].column for name in constraint.fields]
            (modeled if constraint.condition is None else modeled_partial).append(names)
    if relation.primary_key:
        yield from _unequal(relation.name, "primary key", relation.primary_key, primary)
    elif relation.kind == "table":
        # The model may use another unique key.
        yield from _unequal(relation.name, "a unique key that could be primary", True, primary in unique)
    unique = [columns for columns in unique if columns != primary]
    if relation.kind == "table":
        yield from _unequal(relation.name, "unique columns", unique, sorted(modeled))
        yield from _unequal(relation.name, "columns unique for some rows", partial, sorted(modeled_partial))


def _of_enum(here: str, field: EnumField, enums: dict[str, list[str]]) -> Iterator[str]:
    if field.enum_type in enums:
        yield from _unequal(here, "enum labels", enums[field.enum_type], [value for value, _ in field.flatchoices])
