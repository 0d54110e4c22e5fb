"""What the database holds: the relations, enums, routines and triggers of schema `public`, read from its catalog.

Left out are the objects of extensions, which differ from server to server, and Django's own tables.
"""

from dataclasses import dataclass, field

from django.db import DEFAULT_DB_ALIAS

from ncfd_site.core import sql
from ncfd_site.schema.deploy.owners import OF_DJANGO

_COLUMNS = """
    SELECT c.relname AS relation, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
           a.attnotnull AS not_null, a.attgenerated <> '' AS generated, a.attidentity <> '' AS identity,
           CASE a.attgenerated WHEN '' THEN pg_get_expr(d.adbin, d.adrelid) END AS default
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY c.relname, a.attnum
"""

_RELATIONS = f"""
    SELECT c.relname AS name,
           CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'table' END AS kind
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
      AND c.relname !~ '{OF_DJANGO}'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    ORDER BY c.relname
"""  # noqa: S608 (a constant)

# Primary keys, unique constraints and unique indexes over plain columns.
_KEYS = """
    SELECT c.relname AS relation, x.indisprimary AS is_primary, x.indpred IS NOT NULL AS partial,
           (SELECT array_agg(a.attname::text ORDER BY k.place)
            FROM unnest(x.indkey::int[]) WITH ORDINALITY AS k(attnum, place)
            JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
            WHERE k.place <= x.indnkeyatts) AS columns
    FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid
    WHERE c.relnamespace = 'public'::regnamespace AND x.indisunique AND x.indexprs IS NULL
"""

_FOREIGN_KEYS = """
    SELECT c.relname AS relation, a.attname AS column, t.relname AS target_relation, b.attname AS target_column,
           CASE k.confdeltype WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' WHEN 'r' THEN 'restrict'
                              WHEN 'd' THEN 'set default' ELSE 'no action' END AS on_delete
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class t ON t.oid = k.confrelid
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
    JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[1]
    WHERE k.contype = 'f' AND c.relnamespace = 'public'::regnamespace AND cardinality(k.conkey) = 1
"""

# The values of `column IN (...)`, which PostgreSQL keeps as `column = ANY (ARRAY['a'::text, ...])`.
_CHECKED_VALUES = r"""
    SELECT c.relname AS relation, a.attname AS column,
           (SELECT array_agg(m[1] ORDER BY m[1])
            FROM regexp_matches(pg_get_constraintdef(k.oid), '''([^'']*)''::', 'g') m) AS values
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
    WHERE k.contype = 'c' AND c.relnamespace = 'public'::regnamespace AND cardinality(k.conkey) = 1
      AND pg_get_constraintdef(k.oid) ~ '= ANY \(+ARRAY\['
"""

_ENUMS = """
    SELECT t.typname AS name, array_agg(e.enumlabel::text ORDER BY e.enumsortorder) AS labels
    FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid
    WHERE t.typnamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = t.oid AND d.deptype = 'e')
    GROUP BY t.typname ORDER BY t.typname
"""

# Constructors that belong to a type (deptype i) come with it and are nobody's routines.
_ROUTINES = """
    SELECT p.proname AS name, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result
    FROM pg_proc p
    WHERE p.pronamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype IN ('e', 'i'))
    ORDER BY p.proname, arguments
"""

_TRIGGERS = f"""
    SELECT t.tgname AS name, c.relname AS relation, p.proname AS routine
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace AND c.relname !~ '{OF_DJANGO}'
    ORDER BY t.tgname
"""  # noqa: S608 (a constant)


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column; `type` as `format_type` writes it, `default` as an SQL expression or None."""

    relation: str
    name: str
    type: str
    not_null: bool
    generated: bool
    identity: bool
    default: str | None


@dataclass(frozen=True, kw_only=True)
class Key:
    """Columns whose values together are unique: the primary key or another; `partial` where for some rows only."""

    relation: str
    columns: list[str]
    is_primary: bool
    partial: bool


@dataclass(frozen=True, kw_only=True)
class ForeignKey:
    """A column that refers to a key elsewhere, and what the database does when that row is deleted."""

    relation: str
    column: str
    target_relation: str
    target_column: str
    on_delete: str


@dataclass(frozen=True, kw_only=True)
class CheckedValues:
    """The only values that a CHECK constraint lets into a column, sorted."""

    relation: str
    column: str
    values: list[str]


@dataclass(frozen=True, kw_only=True)
class Relation:
    """A table, view or materialized view, with its columns in their order."""

    name: str
    kind: str
    columns: dict[str, Column] = field(default_factory=dict)
    keys: list[Key] = field(default_factory=list)
    foreign_keys: dict[str, ForeignKey] = field(default_factory=dict)
    checked_values: dict[str, list[str]] = field(default_factory=dict)

    @property
    def primary_key(self) -> list[str]:
        """The columns of the primary key; none where there is no such key."""
        return next((key.columns for key in self.keys if key.is_primary), [])


@dataclass(frozen=True, kw_only=True)
class Enum:
    """A native enum type with its labels in their order."""

    name: str
    labels: list[str]


@dataclass(frozen=True, kw_only=True)
class Routine:
    """A function: its arguments and its result as SQL writes them."""

    name: str
    arguments: str
    result: str


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """A trigger on a relation, and the routine that it runs."""

    name: str
    relation: str
    routine: str


def relations(using: str = DEFAULT_DB_ALIAS) -> dict[str, Relation]:
    """Return every relation by name."""
    found = {relation.name: relation for relation in sql.rows(_RELATIONS, of=Relation, using=using)}
    for column in sql.rows(_COLUMNS, of=Column, using=using):
        if column.relation in found:
            found[column.relation].columns[column.name] = column
    for key in sql.rows(_KEYS, of=Key, using=using):
        if key.relation in found:
            found[key.relation].keys.append(key)
    for foreign_key in sql.rows(_FOREIGN_KEYS, of=ForeignKey, using=using):
        if foreign_key.relation in found:
            found[foreign_key.relation].foreign_keys[foreign_key.column] = foreign_key
    for checked in sql.rows(_CHECKED_VALUES, of=CheckedValues, using=using):
        if checked.relation in found:
            found[checked.relation].checked_values[checked.column] = checked.values
    return found


def enums(using: str = DEFAULT_DB_ALIAS) -> dict[str, list[str]]:
    """Return the labels of every enum type by its name."""
    return {enum.name: enum.labels for enum in sql.rows(_ENUMS, of=Enum, using=using)}


def routines(using: str = DEFAULT_DB_ALIAS) -> list[Routine]:
    """Return every function, by name."""
    return sql.rows(_ROUTINES, of=Routine, using=using)


def triggers(using: str = DEFAULT_DB_ALIAS) -> list[Trigger]:
    """Return every trigger, by name."""
    return sql.rows(_TRIGGERS, of=Trigger, using=using)
