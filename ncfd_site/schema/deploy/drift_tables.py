"""SQL that repairs drift of types, sequences, tables and columns; it loses no row and no value."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import sql

from ncfd_site.schema import source
from ncfd_site.schema.catalog import Catalog
from ncfd_site.schema.deploy.compare import Finding

_COLUMN = re.compile(
    r"^(?P<type>.*?)(?P<null> NOT NULL)?(?P<identity> IDENTITY)? (?P<origin>DEFAULT|GENERATED) (?P<value>.*)$",
    re.DOTALL,
)
_SEQUENCE = re.compile(r"^(?P<type>\w+) (?P<options>.*?)(?: OWNED BY (?P<column>\S+))?$")


@dataclass(frozen=True)
class Target:
    """Definitions and attributes of the revision, and the owner of the schema, to restore from."""

    wanted: Catalog
    attributes: Catalog
    owner: str
    # Views whose columns differ.
    reshaped: set[str]


def replace(statement: str) -> str:
    """Return statements that put back what hangs on replaced objects; routines have the options of the revision."""
    return "\n".join(
        [
            source.read_helpers(),
            "SELECT set_config('ncfd.revision', 'this repair', true);",
            "SELECT pg_temp.remember_functions();",
            f"{statement};",
            "DELETE FROM pg_temp.kept WHERE relation = 0 AND starts_with(facet, 'option');",
            "SELECT pg_temp.put_back()",
        ]
    )


def repair_enum(finding: Finding, target: Target) -> Iterator[str]:
    """Yield statements that add labels, or replace a type with too many."""
    expected, found = ((text or "").split(", ") for text in (finding.expected, finding.found))
    name, labels = f"public.{finding.name}", ", ".join(map(_quote_literal, expected))
    if finding.found is None:
        yield f"CREATE TYPE {name} AS ENUM ({labels})"
    elif [label for label in expected if label in found] == found:
        for place, label in enumerate(expected):
            if label not in found:
                beside = f"AFTER {_quote_literal(expected[place - 1])}" if place else f"BEFORE '{found[0]}'"
                yield f"ALTER TYPE {name} ADD VALUE {_quote_literal(label)} {beside}"
    elif not any(f"::{name}" in text for (kind, _), text in target.wanted.items() if kind in ("index", "view")):
        # Fails where a row has a label that the revision lacks.
        yield f"BEGIN;\nALTER TYPE {name} RENAME TO ncfd_drifted;\nCREATE TYPE {name} AS ENUM ({labels})"
        for (kind, column), text in target.wanted.items():
            if kind == "column" and text.startswith(f"{name} ") and (parts := _COLUMN.match(text)):
                alter = f"ALTER COLUMN {quote(column.partition('.')[2])}"
                changes = [f"{alter} DROP DEFAULT", f"{alter} TYPE {name} USING {alter[13:]}::text::{name}"]
                changes += [f"{alter} SET DEFAULT {parts['value']}"] if parts["value"] != "none" else []
                yield f"ALTER TABLE public.{column.partition('.')[0]} {', '.join(changes)}"
        yield "DROP TYPE public.ncfd_drifted;\nCOMMIT"


def repair_sequence(finding: Finding, target: Target) -> Iterator[str]:
    """Yield the statements that create or change a sequence."""
    if (expected := _SEQUENCE.match(finding.expected or "")) is None:
        return
    options = expected["options"] + ("" if " CYCLE" in expected["options"] else " NO CYCLE")
    name, owner = f"public.{finding.name}", expected["column"]
    yield f"{'ALTER' if finding.found else 'CREATE'} SEQUENCE {name} AS {expected['type']} {options}"
    if finding.found and not finding.found.endswith(f" OWNED BY {owner}"):
        yield f"ALTER SEQUENCE {name} OWNED BY {f'public.{owner}' if owner else 'NONE'}"


def own_sequence(finding: Finding, target: Target) -> Iterator[str]:
    """Give a new sequence to its column, and continue after the rows."""
    table, _, column = (finding.expected or "").partition(".")
    yield f"ALTER SEQUENCE public.{finding.name} OWNED BY public.{table}.{column}"
    yield f"SELECT setval('public.{finding.name}', coalesce(max({column}), 0) + 1, false) FROM public.{table}"


def repair_relation(finding: Finding, target: Target) -> Iterator[str]:
    """Yield the statements that create a table, or change its persistence or row security."""
    expected, found = finding.expected or "", finding.found or ""
    name = f"public.{finding.name}"
    if expected.startswith("table") and finding.found is None:
        prefix = f"{finding.name}."
        columns = [key[1] for key in target.wanted if key[0] == "column" and key[1].startswith(prefix)]
        lines = ",\n".join(f"    {_define_column(column, target)}" for column in columns)
        yield f"CREATE TABLE {name} (\n{lines}\n)"
    elif found.startswith("table") and expected.startswith("table"):
        if "ROW SECURITY" in found and "ROW SECURITY" not in expected:
            yield f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY"
        if "UNLOGGED" in found and "UNLOGGED" not in expected:
            yield f"ALTER TABLE {name} SET LOGGED"


def _define_column(name: str, target: Target, *, is_filled: bool = True) -> str:
    """Return a column for CREATE TABLE or ADD COLUMN; NOT NULL only if `is_filled`."""
    parts = _COLUMN.match(target.wanted["column", name])
    assert parts is not None  # noqa: S101  (the catalog writes every column so)
    text = f"{quote(name.partition('.')[2])} {parts['type']}"
    if parts["identity"]:
        text += f" {target.attributes.get(('identity', name), 'GENERATED BY DEFAULT')} AS IDENTITY"
    elif parts["origin"] == "GENERATED":
        text += f" GENERATED ALWAYS AS ({parts['value']}) STORED"
    elif parts["value"] != "none":
        text += f" DEFAULT {parts['value']}"
    return text + (" NOT NULL" if parts["null"] and is_filled else "")


def repair_column(finding: Finding, target: Target) -> Iterator[str]:
    """Yield statements that add or change a column, and fail where a value would change."""
    table, _, column = finding.name.partition(".")
    alter = f"ALTER TABLE public.{table} ALTER COLUMN {quote(column)}"
    expected, found = (_COLUMN.match(text or "") for text in (finding.expected, finding.found))
    if expected is None:
        # It is extra, and writers of the revision do not fill it.
        yield f"{alter} DROP NOT NULL"
        return
    is_filled = expected["value"] != "none" or bool(expected["identity"])
    if found is None:
        yield f"ALTER TABLE public.{table} ADD COLUMN {_define_column(finding.name, target, is_filled=is_filled)}"
    elif expected["type"] != found["type"]:
        new, old = (parts["type"].partition(" COLLATE ")[0] for parts in (expected, found))
        value = quote(column)
        is_changed = f"{value}::{new}::{old} IS DISTINCT FROM {value}"
        yield _refuse(table, is_changed, f"{finding.name} has values that {new} changes")
        yield f"{alter} TYPE {expected['type']} USING {value}::{new}"
    if expected["null"] and (found is not None or not is_filled) and not (found and found["null"]):
        yield f"{alter} SET NOT NULL"
    elif found and found["null"] and not expected["null"]:
        yield f"{alter} DROP NOT NULL"
    if found and expected["value"] != found["value"]:
        default = expected["value"]
        yield f"{alter} DROP DEFAULT" if default == "none" else f"{alter} SET DEFAULT {default}"


def _refuse(table: str, condition: str, message: str) -> str:
    """Return a statement that fails if a row meets a condition."""
    return (
        f"DO $$ BEGIN IF EXISTS (SELECT FROM public.{table} WHERE {condition}) THEN"
        f" RAISE EXCEPTION {_quote_literal(message)}; END IF; END $$"
    )


def repair_generated(finding: Finding, target: Target) -> Iterator[str]:
    """Replace the column as a revision does, with what hangs on it, unless users have stored values in it."""
    table, _, column = finding.name.partition(".")
    value = (_COLUMN.match(finding.expected or "") or {"value": ""})["value"]
    if "GENERATED" not in (finding.found or ""):
        yield _refuse(table, f"{column} IS DISTINCT FROM {value}", f"{finding.name} has values that are not generated")
    name = f"public.{table}"
    define = _define_column(finding.name, target)
    yield replace(
        f"SELECT pg_temp.remember('{name}', '{column}');\nALTER TABLE {name} DROP COLUMN {column};\n"
        f"ALTER TABLE {name} ADD COLUMN {define}"
    )


def quote(name: str) -> str:
    """Return a name as an identifier of SQL."""
    return sql.Identifier(name).as_string()


def _quote_literal(text: str) -> str:
    return sql.Literal(text).as_string()
