"""Django's PostgreSQL backend for every server of the site: it starts the embedded server, and explains failures.

Django finds the backend by the name of this module.
"""

from collections.abc import Iterable
from typing import Any

import psycopg
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.backends.postgresql import base, client, operations
from django.utils.asyncio import async_unsafe

from ncfd_site.config import database
from ncfd_site.postgres import connection_errors, connection_parameters
from ncfd_site.postgres.backend import dates

INTEGERS = frozenset({"smallint", "integer", "bigint"})


class DatabaseClient(client.DatabaseClient):
    """`manage.py dbshell`, with the psql of the embedded server."""

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        """Return the command line and environment of psql; starts the embedded server if it is the one in use."""
        if settings_dict["HOST"] or not database.is_embedded():
            arguments, environment = super().settings_to_cmd_args_env(settings_dict, parameters)
            return arguments, environment
        from ncfd_site.postgres.embedded import programs, server

        found = server.get_parameters()
        address = {"HOST": found["host"], "PORT": found["port"], "USER": found["user"]}
        arguments, environment = super().settings_to_cmd_args_env(settings_dict | address, parameters)
        return [str(programs.find_program("psql")), *arguments[1:]], environment


class DatabaseOperations(operations.DatabaseOperations):
    """Django's operations, with joins of integers that can use an index."""

    def prepare_join_on_clause(self, local_table: str, local_field: Any, remote_table: str, remote_field: Any) -> Any:
        """Return both sides of a join. Django casts one side if types differ, which prevents an index scan."""
        types = {field.rel_db_type(self.connection) for field in (local_field, remote_field)}
        without_cast = BaseDatabaseOperations if types <= INTEGERS else operations.DatabaseOperations
        return without_cast.prepare_join_on_clause(self, local_table, local_field, remote_table, remote_field)


class DatabaseWrapper(base.DatabaseWrapper):
    """The connection of one thread."""

    client_class = DatabaseClient
    ops_class = DatabaseOperations

    def get_connection_params(self) -> dict[str, Any]:
        """Return Django's keywords, loaders for every date, and the address of the embedded server if it is in use."""
        keywords: dict[str, Any] = super().get_connection_params()
        keywords["context"] = dates.bound_dates(keywords["context"])
        return {**connection_parameters(), **keywords} if self._is_embedded() else keywords

    @async_unsafe
    def get_new_connection(self, conn_params: dict[str, Any]) -> psycopg.Connection[Any]:
        """Connect. Raises `DatabaseUnavailable`."""
        try:
            return self._connect_or_restart(conn_params)
        except psycopg.Error as error:
            raise connection_errors.explain(error, conn_params) from error

    def check_database_version_supported(self) -> None:
        """Raise `DatabaseUnavailable` if the server is older than the site supports."""
        connection_errors.require_version(self.pg_version)

    def _connect_or_restart(self, conn_params: dict[str, Any]) -> psycopg.Connection[Any]:
        connection: psycopg.Connection[Any]
        try:
            connection = super().get_new_connection(conn_params)
        except psycopg.OperationalError:
            if not self._is_embedded():
                raise
            # The server was killed after the check whether it answers: start it again.
            connection_parameters()
            connection = super().get_new_connection(conn_params)
        return connection

    def _is_embedded(self) -> bool:
        return not self.settings_dict["HOST"] and database.is_embedded()
