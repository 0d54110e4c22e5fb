"""The catalogs that the revisions produce, as stored in `expected.json`, and the files that a new revision changes."""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict

import psycopg
from psycopg import sql

from ncfd_site.schema import attributes, catalog
from ncfd_site.schema.catalog import Catalog, Key
from ncfd_site.schema.deploy import bookkeeping, revisions, session
from ncfd_site.schema.deploy.report import Progress, RunResult
from ncfd_site.schema.deploy.session import Connection

EXPECTED_FILE = revisions.SCHEMA_FOLDER / "expected.json"

# A definition shared by consecutive revisions: `since` is the first of them, `until` the first without it.
Entry = TypedDict("Entry", {"kind": str, "name": str, "is": str, "since": str, "until": str | None})


def read_catalog(revision: str) -> Catalog:
    """Return the catalog that schema public should have at a revision."""
    return read_catalogs([revision])[revision]


def read_catalogs(wanted: Sequence[str]) -> dict[str, Catalog]:
    """Return the catalogs that schema public should have at some revisions."""
    return unfold([entry for entry in _read_entries() if entry["kind"] in catalog.KINDS], wanted)


def read_attributes(wanted: Sequence[str]) -> dict[str, Catalog]:
    """Return the attributes that the objects of some revisions should have, without the server's defaults."""
    return unfold([entry for entry in _read_entries() if entry["kind"] not in catalog.KINDS], wanted)


def _read_entries() -> list[Entry]:
    entries: list[Entry] = json.loads(EXPECTED_FILE.read_text(encoding="utf-8"))
    return entries


def fold(catalogs: Mapping[str, Catalog]) -> list[Entry]:
    """Fold the catalogs of consecutive revisions into one entry for each definition, with its revisions."""
    entries: list[Entry] = []
    open_entries: dict[Key, Entry] = {}
    for revision, definitions in catalogs.items():
        for key in [key for key, entry in open_entries.items() if definitions.get(key) != entry["is"]]:
            open_entries.pop(key)["until"] = revision
        for key in sorted(definitions.keys() - open_entries.keys()):
            entry: Entry = {"kind": key[0], "name": key[1], "is": definitions[key], "since": revision, "until": None}
            entries.append(entry)
            open_entries[key] = entry
    return entries


def unfold(entries: Sequence[Entry], wanted: Sequence[str]) -> dict[str, Catalog]:
    """Return the catalogs of some revisions from the entries of `fold`."""
    order = {revision: index for index, revision in enumerate(revisions.ids())}
    catalogs: dict[str, Catalog] = {revision: {} for revision in wanted}
    for entry in entries:
        since, until = order[entry["since"]], order.get(entry["until"] or "", len(order))
        for revision in wanted:
            if since <= order[revision] < until:
                catalogs[revision][entry["kind"], entry["name"]] = entry["is"]
    return catalogs


# Scratch databases whose session is closed.
_LEFT_SCRATCHES = """
    SELECT d.datname FROM pg_database d
    WHERE starts_with(d.datname, 'ncfd_scratch_') AND pg_has_role(d.datdba, 'USAGE')
      AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.application_name = d.datname)
"""


@contextmanager
def scratch_database(server: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Create an empty database on `server`, yield its psycopg keywords, and drop it.

    Those that killed processes left are dropped first.
    """
    name = f"ncfd_scratch_{uuid.uuid4().hex[:12]}"
    # The session ends with the process.
    with psycopg.connect(**{**server, "application_name": name}, autocommit=True) as admin:
        for (left,) in admin.execute(_LEFT_SCRATCHES).fetchall():
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(left)))
        # template1 may hold objects that an administrator added.
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        try:
            yield {**server, "dbname": name}
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def replay_revisions(connection: Connection, line: Sequence[str]) -> Iterator[tuple[str, Catalog]]:
    """Upgrade an empty database to each of these consecutive revisions and yield its catalog, with the attributes."""
    from ncfd_site.schema.deploy import alembic_runner

    quiet = Progress(lambda _: None, 0, RunResult(database="scratch"))
    for revision in line:
        alembic_runner.run_migration(connection, revision, quiet, (), bookkeeping.RunLog())
        found = attributes.read_attributes(connection)
        ours = {key: each.definition for key, each in found.items() if each.of}
        yield revision, catalog.read_definitions(connection) | ours


ROUTINES = revisions.SCHEMA_FOLDER / "routines.sql"

_ROUTINE_QUERIES = {
    "Functions": """
        SELECT pg_get_functiondef(p.oid) || ';' FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND p.prokind = 'f'
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype IN ('e', 'i'))
        ORDER BY p.proname""",
    "Views": """
        SELECT CASE c.relkind WHEN 'm' THEN 'CREATE MATERIALIZED VIEW ' ELSE 'CREATE OR REPLACE VIEW ' END
               || c.relname || E' AS\\n' || pg_get_viewdef(c.oid, true)
        FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('v', 'm') ORDER BY c.relname""",
    "Triggers": """
        SELECT pg_get_triggerdef(t.oid, true) || ';' FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace ORDER BY t.tgname""",
}


def render_snapshot(parameters: Mapping[str, Any]) -> dict[Path, str]:
    """Run the revisions in a scratch database on this server; return the content of the generated files."""
    server = session.select_libpq_keywords(parameters)
    with scratch_database(server) as keywords, session.connect(keywords) as connection:
        catalogs = dict(replay_revisions(connection, revisions.ids()))
        parts = [f"-- Generated by manage.py schema_snapshot from revision {revisions.head()}; to read, not to run.\n"]
        for title, query in _ROUTINE_QUERIES.items():
            parts.append(f"\n-- {title}\n")
            parts += [f"\n{definition.strip()}\n" for (definition,) in connection.execute(query).fetchall()]
    entries = fold(catalogs)
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    return {EXPECTED_FILE: f"[\n{lines}\n]\n", ROUTINES: "".join(parts)}
