"""Reader of PostgreSQL's catalog: the objects of schema `public` as typed rows, and as definitions to compare.

Objects of extensions and Django's own tables are left out.
"""

import re
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg.rows import class_row

from ncfd_site.schema import retrying
from ncfd_site.schema.catalog_scope import (
    BOOKKEEPING,
    DEPENDS_ON_EXTENSIONS,
    OF_DJANGO,
    OURS,
    ROUTINES,
    exclude_extensions,
)

Connection = psycopg.Connection[Any]
# The kind and the name of an object; an object of a table is named TABLE.NAME.
Key = tuple[str, str]
# The definition of each object.
Catalog = dict[Key, str]


class CatalogRow(Protocol):
    """A row of the catalog: what reads it, what identifies it, and what it must be to count as equal."""

    query: ClassVar[str]

    @property
    def key(self) -> Key: ...

    @property
    def definition(self) -> str: ...


Row = TypeVar("Row", bound=CatalogRow)
_ON_DELETE = {"a": "no action", "c": "cascade", "n": "set null", "r": "restrict", "d": "set default"}


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column; `type` as `format_type` writes it, `expression` its default or what generates it."""

    query: ClassVar[str] = f"""
        SELECT c.relname AS relation, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
               CASE WHEN a.attcollation NOT IN (0, t.typcollation) THEN a.attcollation::regcollation::text END
                   AS collation,
               a.attnotnull AS is_not_null, a.attidentity <> '' AS is_identity, a.attgenerated <> '' AS is_generated,
               pg_get_expr(d.adbin, d.adrelid) AS expression, col_description(c.oid, a.attnum) AS comment
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE {OURS} AND c.relkind IN ('r', 'p', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY c.relname, a.attnum"""  # noqa: S608 (a constant)

    relation: str
    name: str
    type: str
    collation: str | None
    is_not_null: bool
    is_identity: bool
    is_generated: bool
    expression: str | None
    comment: str | None

    @property
    def default(self) -> str | None:
        """The SQL expression that fills the column where a writer leaves it out."""
        return None if self.is_generated else self.expression

    @property
    def key(self) -> Key:
        return "column", f"{self.relation}.{self.name}"

    @property
    def definition(self) -> str:
        collation = f" COLLATE {self.collation}" if self.collation else ""
        flags = (" NOT NULL" if self.is_not_null else "") + (" IDENTITY" if self.is_identity else "")
        origin = "GENERATED" if self.is_generated else "DEFAULT"
        return f"{self.type}{collation}{flags} {origin} {self.expression or 'none'}"


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """A constraint; `kind` as `pg_constraint.contype` has it. The target is that of a foreign key."""

    query: ClassVar[str] = rf"""
        SELECT c.relname AS relation, k.conname AS name, k.contype::text AS kind,
               -- The same rule without the extension btree_gist.
               regexp_replace(pg_get_constraintdef(k.oid),
                              '(public\.)?ticker_range\(ticker_norm, ticker_norm, ''\[\]''::text\) WITH &&',
                              'ticker_norm WITH =') AS definition,
               ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS n (attnum, place)
                     JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = n.attnum
                     ORDER BY n.place) AS columns,
               t.relname AS target_relation,
               (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = k.confrelid AND a.attnum = k.confkey[1])
                   AS target_column,
               k.confdeltype::text AS delete_action
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid LEFT JOIN pg_class t ON t.oid = k.confrelid
        WHERE {OURS} AND k.contype IN ('c', 'f', 'p', 'u', 'x')"""  # noqa: S608

    relation: str
    name: str
    kind: str
    definition: str
    columns: list[str]
    target_relation: str | None
    target_column: str | None
    delete_action: str

    @property
    def key(self) -> Key:
        return "constraint", f"{self.relation}.{self.name}"

    @property
    def on_delete(self) -> str:
        """The action on a row when the row that it refers to is deleted."""
        return _ON_DELETE[self.delete_action]


@dataclass(frozen=True, kw_only=True)
class Index:
    """An index; `columns` is None where it has expressions. `is_of_constraint`: a constraint made it."""

    query: ClassVar[str] = f"""
        SELECT c.relname AS relation, i.relname AS name, pg_get_indexdef(x.indexrelid) AS text,
               x.indisvalid AS is_valid, x.indisunique AS is_unique, x.indisprimary AS is_primary,
               x.indpred IS NOT NULL AS is_partial,
               x.indexrelid IN (SELECT conindid FROM pg_constraint) AS is_of_constraint,
               CASE WHEN x.indexprs IS NULL THEN
                   ARRAY(SELECT a.attname::text FROM unnest(x.indkey::int[]) WITH ORDINALITY AS n (attnum, place)
                         JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = n.attnum
                         WHERE n.place <= x.indnkeyatts ORDER BY n.place) END AS columns
        FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
        WHERE {OURS}"""  # noqa: S608

    relation: str
    name: str
    text: str
    is_valid: bool
    is_unique: bool
    is_primary: bool
    is_partial: bool
    is_of_constraint: bool
    columns: list[str] | None

    @property
    def key(self) -> Key:
        return "index", self.name

    @property
    def definition(self) -> str:
        return self.text if self.is_valid else f"{self.text} INVALID"


@dataclass(frozen=True, kw_only=True)
class Relation:
    """A table, view or materialized view, with what belongs to it."""

    query: ClassVar[str] = f"""
        SELECT c.relname AS name,
               CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'table' END AS kind,
               c.relpersistence = 'u' AS is_unlogged, c.relrowsecurity AS has_row_security,
               obj_description(c.oid, 'pg_class') AS comment
        FROM pg_class c WHERE {OURS} AND c.relkind IN ('r', 'p', 'v', 'm') ORDER BY c.relname"""  # noqa: S608

    name: str
    kind: str
    is_unlogged: bool
    has_row_security: bool
    comment: str | None
    columns: dict[str, Column] = field(default_factory=dict)
    constraints: list[Constraint] = field(default_factory=list)
    # Unique indexes over plain columns, with those of constraints.
    unique_indexes: list[Index] = field(default_factory=list)

    @property
    def relation(self) -> str:
        return self.name

    @property
    def key(self) -> Key:
        return "relation", self.name

    @property
    def definition(self) -> str:
        return (
            self.kind + (" UNLOGGED" if self.is_unlogged else "") + (" ROW SECURITY" if self.has_row_security else "")
        )

    @property
    def primary_key(self) -> list[str]:
        """The columns of the primary key; none where there is none."""
        return next((index.columns or [] for index in self.unique_indexes if index.is_primary), [])

    @property
    def foreign_keys(self) -> dict[str, Constraint]:
        """The foreign keys of a single column, by it."""
        return {one.columns[0]: one for one in self.constraints if one.kind == "f" and len(one.columns) == 1}

    @property
    def checked_values(self) -> dict[str, list[str]]:
        """The values that a CHECK allows in a column, sorted, by the column."""
        # PostgreSQL keeps `column IN (…)` as `column = ANY (ARRAY['a'::text, …])`.
        return {
            one.columns[0]: sorted(re.findall(r"'([^']*)'::", one.definition))
            for one in self.constraints
            if one.kind == "c" and len(one.columns) == 1 and re.search(r"= ANY \(+ARRAY\[", one.definition)
        }


@dataclass(frozen=True, kw_only=True)
class EnumType:
    """An enum type, with its labels in their order."""

    query: ClassVar[str] = f"""
        SELECT t.typname AS name, array_agg(e.enumlabel::text ORDER BY e.enumsortorder) AS labels
        FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid
        WHERE t.typnamespace = 'public'::regnamespace AND t.typname !~ '{OF_DJANGO}'
          AND {exclude_extensions("pg_type", "t.oid")}
        GROUP BY t.typname ORDER BY t.typname"""  # noqa: S608

    name: str
    labels: list[str]

    @property
    def key(self) -> Key:
        return "enum", self.name

    @property
    def definition(self) -> str:
        """The labels in their order, separated by commas."""
        return ", ".join(self.labels)


@dataclass(frozen=True, kw_only=True)
class Routine:
    """A function or procedure; `definition` creates it, with its properties and its body."""

    query: ClassVar[str] = f"""
        SELECT p.proname AS name, oidvectortypes(p.proargtypes) AS argument_types,
               pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result,
               rtrim(pg_get_functiondef(p.oid), E'\\n') AS definition,
               obj_description(p.oid, 'pg_proc') AS comment
        FROM {ROUTINES} AND p.prokind IN ('f', 'p')
        ORDER BY p.proname, arguments"""  # noqa: S608

    name: str
    argument_types: str
    arguments: str
    result: str | None  # None for a procedure
    definition: str
    comment: str | None

    @property
    def key(self) -> Key:
        return "function", f"{self.name}({self.argument_types})"


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """A trigger and the routine that it runs."""

    query: ClassVar[str] = f"""
        SELECT t.tgname AS name, c.relname AS relation, p.proname AS routine, pg_get_triggerdef(t.oid) AS text,
               t.tgenabled = 'O' AS is_enabled
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
        WHERE {OURS} AND NOT t.tgisinternal ORDER BY t.tgname"""  # noqa: S608

    name: str
    relation: str
    routine: str
    text: str
    is_enabled: bool

    @property
    def key(self) -> Key:
        return "trigger", f"{self.name} on {self.relation}"

    @property
    def definition(self) -> str:
        """The text to compare, which marks a trigger that does not fire."""
        return self.text if self.is_enabled else f"{self.text} DISABLED OR REPLICA"


@dataclass(frozen=True, kw_only=True)
class Sequence:
    """A sequence; `relation` is the table that owns it, if one does."""

    query: ClassVar[str] = f"""
        SELECT c.relname AS name, coalesce(o.relname, '') AS relation,
               format_type(s.seqtypid, NULL) || ' START ' || s.seqstart || ' INCREMENT ' || s.seqincrement
               || ' MINVALUE ' || s.seqmin || ' MAXVALUE ' || s.seqmax || CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END
               || coalesce(' OWNED BY ' || o.relname || '.' || a.attname, '') AS definition
        FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid
        LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
                             AND d.refclassid = 'pg_class'::regclass
        LEFT JOIN pg_class o ON o.oid = d.refobjid
        LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE {OURS} AND coalesce(o.relname, '') !~ '{OF_DJANGO}'"""  # noqa: S608

    name: str
    relation: str
    definition: str

    @property
    def key(self) -> Key:
        return "sequence", self.name


@dataclass(frozen=True, kw_only=True)
class View:
    """The query of a view or materialized view."""

    query: ClassVar[str] = f"""
        SELECT c.relname AS name, pg_get_viewdef(c.oid) AS definition FROM pg_class c
        WHERE {OURS} AND c.relkind IN ('v', 'm')"""  # noqa: S608

    name: str
    definition: str

    @property
    def key(self) -> Key:
        return "view", self.name


@dataclass(frozen=True)
class Schema:
    """Relations and labels of enum types by name; routines and triggers in the order of their names."""

    relations: dict[str, Relation]
    enums: dict[str, list[str]]
    routines: list[Routine]
    triggers: list[Trigger]


# The kinds of the keys of a catalog.
KINDS = {"relation", "column", "constraint", "index", "enum", "function", "trigger", "sequence", "view"}

_TYPES: tuple[type[CatalogRow], ...] = (
    Relation, Column, Constraint, Index, EnumType, Routine, Trigger, Sequence, View
)  # fmt: skip


def read_definitions(connection: Connection, patience: float = retrying.PATIENCE) -> Catalog:
    """Return the definition of each object that revisions make. Waits `patience` seconds for locked tables."""
    # To write a view as text, the server waits for locks on the tables below it.
    return retrying.retry_while_locked(lambda: _read_definitions(connection), patience)


def _read_definitions(connection: Connection) -> Catalog:
    with connection.transaction(force_rollback=True):
        # With this path the server writes every name of ours with its schema.
        connection.execute("SET LOCAL search_path = pg_catalog")
        return {
            row.key: row.definition
            for kind in _TYPES
            for row in _read_rows(connection, kind)
            if getattr(row, "relation", "") not in BOOKKEEPING
            and not (isinstance(row, Index) and row.is_of_constraint)
            and not any(optional in row.key[1] for optional in DEPENDS_ON_EXTENSIONS)
        }


def read_schema(using: str = DEFAULT_DB_ALIAS) -> Schema:
    """Return the objects of schema public in one of Django's databases."""
    connections[using].ensure_connection()
    connection: Connection = connections[using].connection
    relations = {relation.name: relation for relation in _read_rows(connection, Relation)}
    for column in _read_rows(connection, Column):
        relations[column.relation].columns[column.name] = column
    for constraint in _read_rows(connection, Constraint):
        relations[constraint.relation].constraints.append(constraint)
    for index in _read_rows(connection, Index):
        if index.is_unique and index.columns is not None:
            relations[index.relation].unique_indexes.append(index)
    enums = {enum.name: enum.labels for enum in _read_rows(connection, EnumType)}
    return Schema(relations, enums, _read_rows(connection, Routine), _read_rows(connection, Trigger))


def _read_rows(connection: Connection, kind: type[Row]) -> list[Row]:
    with psycopg.Cursor(connection, row_factory=class_row(kind)) as cursor:
        return cursor.execute(kind.query).fetchall()
