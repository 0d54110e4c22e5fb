"""One moment of the database: its dump, facts, and the content that its rows name."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import psycopg
from psycopg import sql

from ncfd_site.schema.deploy import session
from storage.backup.errors import BackupError
from storage.backup.manifest import DatabaseFacts
from storage.backup.programs import find_programs, stream_output

Connection = psycopg.Connection[Any]
_URIS = """
    SELECT get_storage_uri_hash(uri), max(size_bytes), array_agg(DISTINCT uri)
    FROM (SELECT storage_uri AS uri, size_bytes FROM storage_objects
          UNION ALL SELECT storage_uri, 0 FROM documents) AS used
    WHERE get_storage_uri_hash(uri) IS NOT NULL GROUP BY 1 ORDER BY 1
"""
_TABLES = """
    SELECT relnamespace::regnamespace::text, relname FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 2
"""
_FACTS = """
    SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), pg_current_wal_lsn()::text,
           ARRAY(SELECT extname::text FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1),
           ARRAY(SELECT DISTINCT pg_get_userbyid(d.refobjid)::text FROM pg_shdepend d
                 WHERE d.deptype = 'a' AND d.refclassid = 'pg_authid'::regclass
                   AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1)
"""


class Snapshot:
    """A connection that holds the moment, and the programs that dump it."""

    def __init__(self, connection: Connection, parameters: Mapping[str, Any]) -> None:
        self._connection = connection
        self._parameters = parameters
        self._major = connection.info.server_version // 10_000
        self._programs = find_programs(self._major, "pg_dump")

    def read_facts(self) -> DatabaseFacts:
        """Return the facts of the manifest; raises `BackupError` if the schema is of no revision."""
        if self._connection.execute("SELECT to_regclass('public.storage_tombstones') IS NULL").fetchone() == (True,):
            raise BackupError("The database is not at head. Run manage.py migrate_alembic.")
        rows = self._connection.execute("SELECT version_num FROM public.alembic_version").fetchall()
        taken_at, lsn, extensions, roles = self._connection.execute(_FACTS).fetchone() or ("", "", [], [])
        return DatabaseFacts(taken_at, lsn, rows[0][0], self._major, extensions, roles, count_rows(self._connection))

    def dump(self) -> Iterator[bytes]:
        """Yield a dump in pg_dump's custom format."""
        (snapshot,) = self._connection.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
        (role,) = self._connection.execute("SELECT nullif(current_user, session_user)").fetchone() or (None,)
        arguments = ["--format=custom", f"--snapshot={snapshot}", "--lock-wait-timeout=60s"]
        arguments += [f"--role={role}"] if role else []
        yield from stream_output(self._programs / "pg_dump", *arguments, parameters=self._parameters)

    def write_contents(self, file: IO[bytes]) -> int:
        """Write a line of JSON for each hash that rows name: hash, size if known, URIs; return their number."""
        count = 0
        with self._connection.cursor("contents") as cursor:
            for sha256, size, uris in cursor.execute(_URIS):
                file.write(json.dumps({"sha256": sha256, "size": size, "uris": uris}).encode() + b"\n")
                count += 1
        return count


@contextmanager
def open_snapshot(parameters: Mapping[str, Any]) -> Iterator[Snapshot]:
    """Yield the present moment of the database; raises `BackupError` behind a pooler in transaction mode."""
    with session.connect(parameters) as connection:
        if session.is_pooled_by_transaction(connection, parameters):
            raise BackupError(
                "DATABASE_URL names a connection pooler in transaction mode, where pg_dump would change the sessions "
                "of others. For backups, set it to the server itself or to a pooler in session mode."
            )
        with session.snapshot(connection):
            yield Snapshot(connection, parameters)


def count_rows(connection: Connection) -> dict[str, int]:
    """Return the number of rows of each table in schema public."""
    counts = {}
    for schema, table in connection.execute(_TABLES).fetchall():
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
        ((count,),) = connection.execute(query).fetchall()
        counts[table] = count
    return counts


def read_identity(parameters: Mapping[str, Any]) -> str:
    """Return the name of the database and the identifier of its server's data."""
    with session.connect(parameters) as connection:
        row = connection.execute("SELECT current_database(), system_identifier FROM pg_control_system()").fetchone()
        return "{}@{}".format(*(row or ("", "")))
