"""What a revision makes on the very server that is looked at: a scratch database beside the live one."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from ncfd_site.schema.deploy import catalog, history, session
from ncfd_site.schema.deploy.catalog import Catalog
from ncfd_site.schema.deploy.report import Outcome, Progress
from ncfd_site.schema.deploy.session import Connection


class NoShadow(Exception):
    """A scratch database cannot be made here; the text says why."""


@contextmanager
def scratch_database(server: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Make an empty database beside the one of `server`, yield its psycopg keywords, and drop it.

    Raises `NoShadow` where the role may not make databases.
    """
    name = f"ncfd_scratch_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(**server, autocommit=True) as admin:
        try:
            # Not template1, to which somebody may have added things.
            admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectInUse) as error:
            raise NoShadow(str(error).strip()) from error
        try:
            yield {**server, "dbname": name}
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def catalogs(server: Mapping[str, Any], revisions: Sequence[str]) -> dict[str, Catalog]:
    """What each of some revisions, given in order, makes on this server. Raises `NoShadow`."""
    with scratch_database(server) as keywords, session.connect(keywords) as connection:
        return replay(connection, revisions)


def replay(connection: Connection, revisions: Sequence[str]) -> dict[str, Catalog]:
    """Bring an empty database to some revisions, given in order, and read what each of them makes."""
    from ncfd_site.schema.deploy import run

    made: dict[str, Catalog] = {}
    quiet = Progress(lambda _: None, 0, Outcome(database="scratch"))
    for revision in revisions:
        run.migrate(connection, revision, quiet, (), history.Run())
        made[revision] = catalog.read(connection)
    return made
