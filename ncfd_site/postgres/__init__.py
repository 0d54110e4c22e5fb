"""PostgreSQL: Django's backend for every server, and the embedded server of development."""

from typing import Any

from ncfd_site.config import database


def connection_parameters() -> dict[str, Any]:
    """Return the psycopg keywords (host, port, dbname, user, password, sslmode ...) of the site's database.

    Starts the embedded server where it is the one in use and does not run; keeps it running until this process ends.
    """
    if not database.is_embedded():
        return database.address()
    from ncfd_site.postgres.embedded import server

    return server.parameters()
