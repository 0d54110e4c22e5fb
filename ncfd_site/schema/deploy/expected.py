"""The catalogs that the revisions produce: as stored in `expected.json`, or as the server itself writes them.

The server's are read from a scratch database and cached in NCFD_HOME/cache/catalogs. The name of a cache file is a
digest of all that decides its content: server, role, session settings, and the files of the revisions.
"""

import gzip
import hashlib
import json
import os
import tempfile
import uuid
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypedDict

import psycopg
from psycopg import sql

from ncfd_site.config import environment
from ncfd_site.schema import catalog
from ncfd_site.schema.catalog import Catalog, Key
from ncfd_site.schema.deploy import bookkeeping, revisions, session
from ncfd_site.schema.deploy.report import MigrationError, Progress, RunResult
from ncfd_site.schema.deploy.session import Connection

EXPECTED_FILE = revisions.SCHEMA_FOLDER / "expected.json"

# A definition shared by consecutive revisions: `since` is the first of them, `until` the first without it.
Entry = TypedDict("Entry", {"kind": str, "name": str, "is": str, "since": str, "until": str | None})


def read_catalog(revision: str) -> Catalog:
    """Return the catalog that schema public should have at a revision."""
    return read_catalogs([revision])[revision]


def read_catalogs(wanted: Sequence[str]) -> dict[str, Catalog]:
    """Return the catalogs that schema public should have at some revisions."""
    return unfold(json.loads(EXPECTED_FILE.read_text(encoding="utf-8")), wanted)


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


# Each takes about 20 kB.
KEPT_ENTRIES = 10

_FACTS = """
    SELECT version(), d.encoding, d.datcollate, d.datctype, r.rolsuper, r.rolcreatedb,
           (SELECT string_agg(concat_ws(' ', name, default_version), ',' ORDER BY name) FROM pg_available_extensions),
           (SELECT string_agg(concat_ws(' ', name, setting), ',' ORDER BY name) FROM pg_settings
            WHERE name IN ('bytea_output', 'DateStyle', 'default_table_access_method', 'extra_float_digits',
                           'IntervalStyle', 'lc_monetary', 'quote_all_identifiers', 'standard_conforming_strings',
                           'TimeZone'))
    FROM pg_database d, pg_roles r
    WHERE d.datname = 'template0' AND r.rolname = current_user
"""


def find_cache_file(server: Mapping[str, Any]) -> Path:
    """Return the file for the revisions of this code on a server; it need not exist."""
    with psycopg.connect(**server) as connection:
        facts = connection.execute(_FACTS).fetchone()
    key = hashlib.sha256(repr((facts, revisions.compute_files_digest())).encode()).hexdigest()
    return environment.read_home_folder() / "cache" / "catalogs" / f"{key[:32]}.json.gz"


def read_cache(entry: Path, wanted: Sequence[str]) -> dict[str, Catalog] | None:
    """Return the cached catalogs of consecutive revisions; None without a sound entry."""
    try:
        # Its checksum detects damage.
        return unfold(json.loads(gzip.decompress(entry.read_bytes())), wanted)
    except (OSError, EOFError, zlib.error, ValueError, LookupError, TypeError):
        return None


def write_cache(entry: Path, catalogs: Mapping[str, Catalog]) -> None:
    """Cache the catalogs of consecutive revisions and drop the oldest entries; do nothing where that fails."""
    content = gzip.compress(json.dumps(fold(catalogs)).encode())
    with suppress(OSError):
        entry.parent.mkdir(parents=True, exist_ok=True)
        descriptor, unfinished = tempfile.mkstemp(dir=entry.parent, prefix=".")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
            Path(unfinished).replace(entry)
        except OSError:
            Path(unfinished).unlink()
            raise
        for old in sorted(entry.parent.glob("*.gz"), key=lambda path: path.stat().st_mtime)[:-KEPT_ENTRIES]:
            old.unlink(missing_ok=True)


class ScratchDatabaseError(Exception):
    """The server refuses a scratch database; the text is its reason."""


@contextmanager
def scratch_database(server: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Create an empty database on `server`, yield its psycopg keywords, and drop it.

    Raises `ScratchDatabaseError` if the role may not create databases.
    """
    name = f"ncfd_scratch_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(**server, autocommit=True) as admin:
        try:
            # template1 may hold objects that an administrator added.
            admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectInUse) as error:
            raise ScratchDatabaseError(str(error).strip()) from error
        try:
            yield {**server, "dbname": name}
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def load_server_catalogs(server: Mapping[str, Any], wanted: Sequence[str]) -> dict[str, Catalog]:
    """Return the catalogs of some revisions on this server: cached, else from a scratch database.

    Raises `ScratchDatabaseError`.
    """
    entry = find_cache_file(server)
    made = read_cache(entry, revisions.ids()) or {}
    if not made:
        try:
            with scratch_database(server) as keywords, session.connect(keywords) as connection:
                for revision, found in replay_revisions(connection, revisions.ids()):
                    made[revision] = found
            write_cache(entry, made)
        except MigrationError:
            # A later revision may fail.
            if not made.keys() >= set(wanted):
                raise
    return {revision: made[revision] for revision in wanted}


def replay_revisions(connection: Connection, line: Sequence[str]) -> Iterator[tuple[str, Catalog]]:
    """Upgrade an empty database to each of these consecutive revisions and yield its catalog."""
    from ncfd_site.schema.deploy import alembic_runner

    quiet = Progress(lambda _: None, 0, RunResult(database="scratch"))
    for revision in line:
        alembic_runner.run_migration(connection, revision, quiet, (), bookkeeping.RunLog())
        yield revision, catalog.read_definitions(connection)


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
