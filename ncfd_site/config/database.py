"""Address of the database: DATABASE_URL, or the embedded server if it is unset.

This module starts nothing and needs no Django settings, so Alembic can use it alone.
"""

import re
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ncfd_site.config import environment
from ncfd_site.config.errors import ConfigurationError

# Default seconds until a silent server counts as unreachable; `connect_timeout` in DATABASE_URL overrides it.
CONNECT_TIMEOUT = 10

_FORM = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with special characters in the password percent-encoded"


def is_embedded() -> bool:
    """Return whether the database is the embedded server, because DATABASE_URL is unset."""
    return not environment.read_secret("DATABASE_URL")


def read_connection_parameters() -> dict[str, Any]:
    """Return DATABASE_URL as psycopg keywords. Raises `ConfigurationError`. Does not connect."""
    try:
        parameters: dict[str, Any] = conninfo_to_dict(environment.read_secret("DATABASE_URL"))
    except psycopg.ProgrammingError:
        # The driver's message quotes the URL with its password.
        raise ConfigurationError(f"DATABASE_URL is not a PostgreSQL URL. Set it to {_FORM}.") from None
    # A bare @ or / cuts the password; the rest would appear as host or port in later errors.
    misplaced = "".join(str(parameters.get(name, "")) for name in ("host", "dbname"))
    if "@" in misplaced or not re.fullmatch(r"[\d,]*", str(parameters.get("port", ""))):
        raise ConfigurationError(f"DATABASE_URL has a special character in the password. Set it to {_FORM}.")
    if not parameters.get("dbname") and not parameters.get("service"):
        raise ConfigurationError(f"DATABASE_URL names no database. Set it to {_FORM}.")
    return {"connect_timeout": CONNECT_TIMEOUT, **parameters}


def build_django_settings() -> dict[str, Any]:
    """Return the entry of Django's DATABASES. The backend adds the address of the embedded server on connecting."""
    backend = {"ENGINE": "ncfd_site.postgres.backend"}
    if is_embedded():
        return {**backend, "NAME": "ncfd"}
    options = read_connection_parameters()
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
