"""`manage.py dbshell`, on the embedded server too."""

from collections.abc import Iterable
from typing import Any

from django.db.backends.postgresql import client

from ncfd_site.config import database


class DatabaseClient(client.DatabaseClient):
    """Runs psql; for the embedded server the one that comes with it."""

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        """The command line and the environment of psql; starts the embedded server where it is the one in use."""
        if settings_dict["HOST"] or not database.is_embedded():
            arguments, environment = super().settings_to_cmd_args_env(settings_dict, parameters)
            return arguments, environment
        from ncfd_site.postgres.embedded import server

        keywords = server.parameters()
        address = {"HOST": keywords["host"], "PORT": keywords["port"], "USER": keywords["user"]}
        arguments, environment = super().settings_to_cmd_args_env(settings_dict | address, parameters)
        return [str(server.program("psql")), *arguments[1:]], environment
