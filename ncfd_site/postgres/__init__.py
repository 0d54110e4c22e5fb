"""PostgreSQL: Django's backend for every server, and the embedded server for development."""

from typing import Any

from ncfd_site.config import database


def connection_parameters() -> dict[str, Any]:
    """Return the psycopg keywords of the site's database.

    Starts the embedded server if it is the one in use, and keeps it running until this process ends.
    """
    if not database.is_embedded():
        return database.read_connection_parameters()
    from ncfd_site.postgres.embedded import server

    return server.get_parameters()
