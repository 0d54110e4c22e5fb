"""Where the database is: the server that DATABASE_URL names, else the project's own embedded one.

Importing this starts nothing and needs no Django settings, so that Alembic can use it on its own.
"""

import re
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ncfd_site.config import environment
from ncfd_site.config.errors import ConfigurationError

# Seconds until a server that does not answer counts as unreachable; `connect_timeout` in DATABASE_URL overrides it.
CONNECT_TIMEOUT = 10

_FORM = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with %40 for @ and the like inside the password"


def is_embedded() -> bool:
    """Whether the database is the embedded server, because DATABASE_URL is not set."""
    return not environment.secret("DATABASE_URL")


def address() -> dict[str, Any]:
    """The psycopg connection keywords that DATABASE_URL stands for; raises `Misconfigured`. Connects to nothing."""
    url = environment.secret("DATABASE_URL")
    try:
        keywords: dict[str, Any] = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # The driver's own message quotes the URL, and the URL holds the password.
        raise ConfigurationError(f"DATABASE_URL is not an address of PostgreSQL: write {_FORM}.") from None
    # A password with a bare @ or / is cut there, and what follows would be told as the name of a host or a port.
    misplaced = "".join(str(keywords.get(name, "")) for name in ("host", "dbname"))
    if "@" in misplaced or not re.fullmatch(r"[\d,]*", str(keywords.get("port", ""))):
        raise ConfigurationError(f"DATABASE_URL has a character that must be percent-encoded: write {_FORM}.")
    if not keywords.get("dbname") and not keywords.get("service"):
        raise ConfigurationError(f"DATABASE_URL names no database: write {_FORM}.")
    return {"connect_timeout": CONNECT_TIMEOUT, **keywords}


def django_settings() -> dict[str, Any]:
    """The entry of Django's DATABASES. Connects to nothing; the embedded server fills in its address later."""
    backend = {"ENGINE": "ncfd_site.postgres.backend"}
    if is_embedded():
        return {**backend, "NAME": "ncfd"}
    options = address()
    return {
        **backend,
        "NAME": options.pop("dbname", ""),
        "USER": options.pop("user", ""),
        "PASSWORD": options.pop("password", ""),
        "HOST": options.pop("host", ""),
        "PORT": options.pop("port", ""),
        "OPTIONS": options,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
