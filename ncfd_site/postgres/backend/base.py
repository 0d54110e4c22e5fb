"""Django's PostgreSQL backend, with the server started first where it is the embedded one.

It is the backend for every server of the site, so that each failure to connect becomes the same one sentence.
"""

from typing import Any

import psycopg
from django.db.backends.postgresql import base
from django.utils.asyncio import async_unsafe

from ncfd_site.config import database
from ncfd_site.postgres import connection_errors, connection_parameters
from ncfd_site.postgres.backend.client import DatabaseClient
from ncfd_site.postgres.backend.operations import DatabaseOperations


class DatabaseWrapper(base.DatabaseWrapper):
    """The connection of one thread."""

    client_class = DatabaseClient
    ops_class = DatabaseOperations

    def get_connection_params(self) -> dict[str, Any]:
        """Django's own keywords; starts the embedded server, and adds its address, where no other one is set."""
        keywords: dict[str, Any] = super().get_connection_params()
        return {**connection_parameters(), **keywords} if self._is_embedded() else keywords

    @async_unsafe
    def get_new_connection(self, conn_params: dict[str, Any]) -> psycopg.Connection[Any]:
        """Connect, or raise `DatabaseUnavailable` with the sentence for people."""
        try:
            return self._connected(conn_params)
        except psycopg.Error as error:
            raise connection_errors.refusal(error, conn_params) from error

    def _connected(self, conn_params: dict[str, Any]) -> psycopg.Connection[Any]:
        connection: psycopg.Connection[Any]
        try:
            connection = super().get_new_connection(conn_params)
        except psycopg.OperationalError:
            if not self._is_embedded():
                raise
            # It was killed between our look at it and now: this starts it again.
            connection_parameters()
            connection = super().get_new_connection(conn_params)
        return connection

    def _is_embedded(self) -> bool:
        return not self.settings_dict["HOST"] and database.is_embedded()

    def check_database_version_supported(self) -> None:
        """Raise `DatabaseUnavailable` where the server is older than the site supports."""
        connection_errors.require_version(self.pg_version)
