"""Address of the database: DATABASE_URL, or the embedded server if it is unset; and those of its read replicas.

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
# A replica has a substitute: the shortest timeout of the driver, and milliseconds without a reply to what was sent.
REPLICA_TIMEOUTS = {"connect_timeout": 2, "tcp_user_timeout": 1000}
BACKEND = "ncfd_site.postgres.backend"

_FORM = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with special characters in the password percent-encoded"


def is_embedded() -> bool:
    """Return whether the database is the embedded server, because DATABASE_URL is unset."""
    return not environment.read_secret("DATABASE_URL")


def read_connection_parameters() -> dict[str, Any]:
    """Return DATABASE_URL as psycopg keywords. Raises `ConfigurationError`. Does not connect."""
    return {"connect_timeout": CONNECT_TIMEOUT, **_parse_url("DATABASE_URL", environment.read_secret("DATABASE_URL"))}


def build_django_settings() -> dict[str, dict[str, Any]]:
    """Return Django's DATABASES: `default`, and `replica1` and so on for each URL of DATABASE_REPLICA_URLS.

    The backend adds the address of the embedded server on connecting.
    """
    name = "DATABASE_REPLICA_URLS"
    # A comma also separates the hosts of one URL.
    urls = re.split(r"[,\s]+(?=postgres(?:ql)?://)", environment.read_secret(name))
    replicas = [REPLICA_TIMEOUTS | _parse_url(name, url) for url in filter(None, urls)]
    if is_embedded():
        if replicas:
            raise ConfigurationError(f"{name} is set, but DATABASE_URL is not. Set DATABASE_URL to the primary.")
        return {"default": {"ENGINE": BACKEND, "NAME": "ncfd"}}
    return {
        "default": _build_entry(read_connection_parameters()) | {"CONN_HEALTH_CHECKS": True},
        **{f"replica{number}": _build_entry(parameters) for number, parameters in enumerate(replicas, start=1)},
    }


def _parse_url(name: str, url: str) -> dict[str, Any]:
    try:
        parameters: dict[str, Any] = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # The driver's message quotes the URL with its password.
        raise ConfigurationError(f"{name} is not a PostgreSQL URL. Set it to {_FORM}.") from None
    # A bare @ or / cuts the password; the rest would appear as host or port in later errors.
    misplaced = "".join(str(parameters.get(part, "")) for part in ("host", "dbname"))
    if "@" in misplaced or not re.fullmatch(r"[\d,]*", str(parameters.get("port", ""))):
        raise ConfigurationError(f"{name} has a special character in the password. Set it to {_FORM}.")
    if not parameters.get("dbname") and not parameters.get("service"):
        raise ConfigurationError(f"{name} names no database. Set it to {_FORM}.")
    return parameters


def _build_entry(options: dict[str, Any]) -> dict[str, Any]:
    return {
        "ENGINE": BACKEND,
        "NAME": options.pop("dbname", ""),
        "USER": options.pop("user", ""),
        "PASSWORD": options.pop("password", ""),
        "HOST": options.pop("host", ""),
        "PORT": options.pop("port", ""),
        "OPTIONS": options,
        "CONN_MAX_AGE": 60,
    }
