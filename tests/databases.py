"""Databases for tests: migrated once, then cloned for each process."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psutil
import psycopg
from psycopg import sql

from ncfd_site.schema.deploy import alembic_runner, bookkeeping, revisions, session
from ncfd_site.schema.deploy.report import Progress, RunResult

Keywords = Mapping[str, Any]


def execute(server: Keywords, statement: str, *names: str) -> None:
    """Run an administrative statement on the server; `{}` in it stands for the names."""
    with psycopg.connect(**{**server, "dbname": "postgres"}, autocommit=True) as admin:
        admin.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def migrate(keywords: Keywords, target: str = "head", allow_destructive: tuple[str, ...] = ()) -> None:
    """Bring a database to a revision, as a run of migrate_alembic does, without its reporting and verification."""
    quiet = Progress(lambda _: None, 0, RunResult(database="test"))
    with session.connect(keywords) as connection, session.run_lock(connection, 60):
        bookkeeping.widen_version_column(connection)
        rows = bookkeeping.read_version_table(connection).rows
        alembic_runner.run_migration(
            connection,
            revisions.resolve_target(target, rows[0] if rows else None),
            quiet,
            allow_destructive,
            bookkeeping.RunLog(),
        )


@contextmanager
def template(server: Keywords, prefix: str, digest: str, build: Callable[[Keywords], None]) -> Iterator[str]:
    """Yield the name of a database to clone; the first process builds it, later runs find it.

    Building one drops those of other digests that no run uses.
    """
    name = f"{prefix}_{digest}"
    with psycopg.connect(**{**server, "dbname": "postgres"}, autocommit=True) as admin:
        # The shared lock keeps other processes from dropping the template. Only its builder locks it exclusively:
        # waiting for the users of existing templates would deadlock two processes that use two templates.
        while not _lock_shared(admin, name):
            admin.execute("SELECT pg_advisory_lock(%s)", [_lock_key(name)])
            if not _exists(admin, name):
                unfinished = f"{name}{_UNFINISHED}"
                execute(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", unfinished)
                execute(server, "CREATE DATABASE {}", unfinished)
                build({**server, "dbname": unfinished})
                execute(server, "ALTER DATABASE {} RENAME TO {}", unfinished, name)
                _drop_unused(admin, server, prefix, name)
            admin.execute("SELECT pg_advisory_unlock(%s)", [_lock_key(name)])
        yield name


_UNFINISHED = "_new"


def _lock_shared(admin: psycopg.Connection[Any], name: str) -> bool:
    """Lock a template for use; return False without a lock if it does not exist."""
    admin.execute("SELECT pg_advisory_lock_shared(%s)", [_lock_key(name)])
    if not _exists(admin, name):
        admin.execute("SELECT pg_advisory_unlock_shared(%s)", [_lock_key(name)])
        return False
    return True


def _exists(admin: psycopg.Connection[Any], name: str) -> bool:
    return admin.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount > 0


def _drop_unused(admin: psycopg.Connection[Any], server: Keywords, prefix: str, used: str) -> None:
    select = "SELECT datname FROM pg_database WHERE starts_with(datname, %s) AND datname <> %s"
    for (name,) in admin.execute(select, [f"{prefix}_", used]).fetchall():
        key = _lock_key(name.removesuffix(_UNFINISHED))
        if admin.execute("SELECT pg_try_advisory_lock(%s)", [key]).fetchone() == (True,):
            execute(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
            admin.execute("SELECT pg_advisory_unlock(%s)", [key])


def _lock_key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


def temporary_name(worker: str, purpose: str) -> str:
    """Return the name of a database of this process; `drop_leftovers` recognizes it."""
    return f"ncfd_{purpose}_{worker}_{os.getpid()}"


def drop_leftovers(server: Keywords) -> None:
    """Drop the databases of test processes on this machine that were killed."""
    with psycopg.connect(**{**server, "dbname": "postgres"}, autocommit=True) as admin:
        admin.execute("SELECT pg_advisory_lock(%s)", [_lock_key("leftovers")])
        for (name,) in admin.execute("SELECT datname FROM pg_database").fetchall():
            process = re.fullmatch(r"ncfd_[a-z]+_(?:main|gw\d+)_(\d+)", name)
            if process and not psutil.pid_exists(int(process[1])):
                execute(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def become(keywords: Keywords, revision: str) -> None:
    """Put a database at a revision in the place of this one: a copy of one that the revisions make once."""
    prefix = f"ncfd_at_{revisions.ids().index(revision) + 1}"
    with template(keywords, prefix, schema_digest(), lambda made: migrate(made, revision)) as source:
        clone(keywords, source, keywords["dbname"])


def schema_digest() -> str:
    """Return a digest of all that decides the content of a migrated database."""
    return revisions.compute_files_digest()[:12]


def clone(server: Keywords, source: str, name: str) -> None:
    """Make a database as a copy of another one, in place of one of that name."""
    execute(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
    execute(server, "CREATE DATABASE {} TEMPLATE {}", name, source)
