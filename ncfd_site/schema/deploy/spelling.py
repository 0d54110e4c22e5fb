"""The spelling of definitions: two are equal if the server reads them alike.

A dump and its restore, and another version of the server, write the same definition in another way. So the server reads
a definition that differs as text from the expected one again, and the expected one too, and both are compared as it
writes them then. Where it cannot read them again, casts, parentheses and prefixes are ignored.
"""

import re
from collections.abc import Callable, Iterable
from functools import cache, partial

import psycopg

from ncfd_site.schema import retrying
from ncfd_site.schema.catalog import Catalog, Key
from ncfd_site.schema.deploy.compare import Finding, normalize_definition
from ncfd_site.schema.deploy.session import Connection

# The state of an object, which the catalog adds to its definition.
_STATE = re.compile(r"( NOT VALID| INVALID| DISABLED OR REPLICA)?$")
_CHECK = re.compile(r"^CHECK \((?P<expression>.*)\)$", re.DOTALL)
_COLUMN = re.compile(r"^(?P<type>.*?) (?:DEFAULT|GENERATED) (?P<expression>.*)$", re.DOTALL)
_INDEX = re.compile(r" INDEX \S+ ON (?:ONLY )?public\.\S+ ")
_TRIGGER = re.compile(r" ON public\.\S+ ")

_READ_AGAIN = {"view", "constraint", "column", "index", "trigger"}

# Statements that create an object of a definition, and the query that reads it as the server writes it.
_EXPRESSION = (
    "CREATE TEMPORARY VIEW ncfd_read AS SELECT {} FROM public.{}",
    "SELECT pg_get_viewdef('pg_temp.ncfd_read'::regclass)",
)
_VIEW = ("CREATE TEMPORARY VIEW ncfd_read AS {}", "SELECT pg_get_viewdef('pg_temp.ncfd_read'::regclass)")
_TABLE = "CREATE TEMPORARY TABLE ncfd_table (LIKE public.{1}); {0}"
_INDEX_OF_IT = (_TABLE, "SELECT pg_get_indexdef('pg_temp.ncfd_read'::regclass)")
_TRIGGER_OF_IT = (
    _TABLE,
    "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'pg_temp.ncfd_table'::regclass",
)

Same = Callable[[Key, str, str], bool]


def respell(found: Catalog, wanted: Iterable[Catalog], same: Same | None = None) -> Catalog:
    """Return a catalog with the text of an expected definition where both mean the same; by default loosely."""
    same = same or _is_loosely_same
    expected = list(wanted)
    result = dict(found)
    for key, definition in found.items():
        texts = {catalog[key] for catalog in expected if key in catalog}
        if not texts or definition in texts:
            continue
        body = _STATE.sub("", definition)
        if twin := next((text for text in sorted(texts) if same(key, body, text)), None):
            result[key] = twin + definition.removeprefix(body)
    return result


def respell_by_server(
    connection: Connection, found: Catalog, wanted: Iterable[Catalog], patience: float = retrying.PATIENCE
) -> tuple[Catalog, str]:
    """Return a catalog with the text of each expected definition that the server reads alike; changes nothing.

    The second value is why the server cannot read definitions again; the comparison is then loose.
    """
    expected = list(wanted)
    try:
        return retrying.retry_while_locked(lambda: _respell_by_server(connection, found, expected), patience), ""
    except psycopg.errors.LockNotAvailable:
        raise
    except psycopg.Error as error:
        return respell(found, expected), str(error).strip()


def _respell_by_server(connection: Connection, found: Catalog, wanted: list[Catalog]) -> Catalog:
    probed: list[bool] = []
    with connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL search_path = pg_catalog")
        read = cache(partial(_read_again, connection))

        def same(key: Key, one: str, other: str) -> bool:
            if key[0] not in _READ_AGAIN:
                return False
            if not probed:
                # Fails where the role or the server allows no temporary objects.
                connection.execute("CREATE TEMPORARY VIEW ncfd_probe AS SELECT 1 AS one")
                probed.append(True)
            ours, theirs = read(key, one), read(key, other)
            return ours == theirs if ours and theirs else _is_loosely_same(key, one, other)

        return respell(found, wanted, same)


def _is_loosely_same(key: Key, one: str, other: str) -> bool:
    # A body has its own casts and parentheses, and no server changes them.
    return key[0] != "function" and normalize_definition(one) == normalize_definition(other)


def _read_again(connection: Connection, key: Key, definition: str) -> tuple[str, ...] | None:
    """Return a definition as the server writes it when it has read it; None where that fails."""
    prefix, text, (create, select) = _statements(key, definition)
    if not text:
        return None
    table = Finding(*key, definition, None).relation
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(create.format(text, table).encode())
            row = connection.execute(select).fetchone()
    except psycopg.errors.LockNotAvailable:
        raise
    except psycopg.Error:
        return None
    return (prefix, *row) if row else None


def _statements(key: Key, definition: str) -> tuple[str, str, tuple[str, str]]:
    """Return the part of a definition that is compared as text, the part to read again, and the statements for it."""
    kind = key[0]
    if kind == "view":
        return "", definition.rstrip("; \n"), _VIEW
    if kind == "constraint" and (check := _CHECK.match(definition)):
        return "", check["expression"], _EXPRESSION
    if kind == "column" and (column := _COLUMN.match(definition)) and column["expression"] != "none":
        return definition.removesuffix(column["expression"]), column["expression"], _EXPRESSION
    if kind == "index":
        return "", _INDEX.sub(" INDEX ncfd_read ON pg_temp.ncfd_table ", definition, count=1), _INDEX_OF_IT
    if kind == "trigger":
        return "", _TRIGGER.sub(" ON pg_temp.ncfd_table ", definition, count=1), _TRIGGER_OF_IT
    return "", "", _VIEW
