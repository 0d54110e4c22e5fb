"""Catalogs of the revisions on the server of a database, read from a scratch database on it."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from ncfd_site.schema import catalog
from ncfd_site.schema.catalog import Catalog
from ncfd_site.schema.deploy import catalog_cache, history, revisions, session
from ncfd_site.schema.deploy.failures import MigrationError
from ncfd_site.schema.deploy.report import Outcome, Progress
from ncfd_site.schema.deploy.session import Connection


class NoShadow(Exception):
    """The server refuses a scratch database; the text is its reason."""


@contextmanager
def scratch_database(server: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Create an empty database on `server`, yield its psycopg keywords, and drop it.

    Raises `NoShadow` where the role may not create databases.
    """
    name = f"ncfd_scratch_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(**server, autocommit=True) as admin:
        try:
            # template1 may hold objects that an administrator added.
            admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectInUse) as error:
            raise NoShadow(str(error).strip()) from error
        try:
            yield {**server, "dbname": name}
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def catalogs(server: Mapping[str, Any], wanted: Sequence[str]) -> dict[str, Catalog]:
    """Return the catalogs of some revisions on this server: cached, else by a scratch database.

    Raises `NoShadow`.
    """
    entry = catalog_cache.find_entry(server)
    made = catalog_cache.read(entry, revisions.ids()) or {}
    if not made:
        try:
            with scratch_database(server) as keywords, session.connect(keywords) as connection:
                for revision, found in replay(connection, revisions.ids()):
                    made[revision] = found
            catalog_cache.write(entry, made)
        except MigrationError:
            # A later revision that fails is no concern of the database.
            if not made.keys() >= set(wanted):
                raise
    return {revision: made[revision] for revision in wanted}


def replay(connection: Connection, line: Sequence[str]) -> Iterator[tuple[str, Catalog]]:
    """Bring an empty database to each of some consecutive revisions and yield its catalog."""
    from ncfd_site.schema.deploy import run

    quiet = Progress(lambda _: None, 0, Outcome(database="scratch"))
    for revision in line:
        run.migrate(connection, revision, quiet, (), history.Run())
        yield revision, catalog.read_definitions(connection)
