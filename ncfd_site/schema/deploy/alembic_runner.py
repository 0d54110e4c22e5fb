"""What Alembic needs of us: its configuration, a wide version table, and an SQLAlchemy connection to run on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import sqlalchemy
from alembic.config import Config
from alembic.ddl.postgresql import PostgresqlImpl
from sqlalchemy import String, Table
from sqlalchemy.pool import StaticPool

from ncfd_site.schema.deploy.revisions import SCHEMA_FOLDER
from ncfd_site.schema.deploy.session import Connection
from ncfd_site.schema.deploy.versions import WIDTH


class WideVersionTable(PostgresqlImpl):
    """Makes a new version table wide enough for our ids.

    Defining the class is what registers it, in place of Alembic's own for PostgreSQL.
    """

    __dialect__ = "postgresql"

    def version_table_impl(self, **options: Any) -> Table:
        table = super().version_table_impl(**options)
        table.c.version_num.type = String(WIDTH)
        return table


def config() -> Config:
    """Alembic's configuration, without an ini file."""
    options = Config()
    options.set_main_option("script_location", str(SCHEMA_FOLDER).replace("%", "%%"))
    return options


@contextmanager
def sqlalchemy_connection(connection: Connection) -> Iterator[sqlalchemy.Connection]:
    """The same session as an SQLAlchemy connection with nothing begun; afterwards it is ours again."""
    engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: connection, poolclass=StaticPool)
    connection.autocommit = False
    try:
        wrapped = engine.connect()
        try:
            yield wrapped
        finally:
            if not connection.closed:
                wrapped.rollback()
                wrapped.detach()
    finally:
        if not connection.closed:
            connection.rollback()
            connection.autocommit = True


def session_of(wrapped: sqlalchemy.Connection) -> Connection:
    """The psycopg connection below an SQLAlchemy one, in the same transaction."""
    driver: Any = wrapped.connection.driver_connection
    return cast(Connection, driver)
