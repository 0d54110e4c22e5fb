"""Reasons of failed connections as errors for users, without the password."""

from collections.abc import Mapping
from typing import Any

import psycopg

from ncfd_site.config.errors import DatabaseUnavailable

MIN_VERSION = 14

_CHECK_HOST = "Correct the host in DATABASE_URL"
_CHECK_NETWORK = "Check the network or correct DATABASE_URL"
_FREE_CONNECTIONS = "Close some, or increase its max_connections"

# Part of the message of the server or driver -> what is wrong and what to do.
_EXPLANATIONS = [
    ("password authentication failed", "refuses the password of user {user}. Correct DATABASE_URL"),
    ("no password supplied", "requires a password for user {user}. Add it to DATABASE_URL"),
    ("peer authentication failed", "refuses user {user} from this account. Correct DATABASE_URL or its pg_hba.conf"),
    ("no pg_hba.conf entry", "refuses user {user} for database {database} from here. Correct its pg_hba.conf"),
    ("pg_hba.conf rejects", "refuses user {user} for database {database} from here. Correct its pg_hba.conf"),
    ("does not support ssl", "does not offer TLS, which sslmode in DATABASE_URL requires. Change one of them"),
    ("certificate verify failed", "has a certificate that cannot be verified. Correct sslrootcert in DATABASE_URL"),
    ("could not translate host name", f"has a host name that cannot be resolved. {_CHECK_HOST}"),
    ("name or service not known", f"has a host name that cannot be resolved. {_CHECK_HOST}"),
    ("failed to resolve host", f"has a host name that cannot be resolved. {_CHECK_HOST}"),
    ("connection refused", "refuses connections: no server listens there. Start it or correct DATABASE_URL"),
    ("no such file or directory", "is not reachable: the socket does not exist. Start it or correct DATABASE_URL"),
    ("timeout expired", f"does not answer. {_CHECK_NETWORK}"),
    ("timed out", f"does not answer. {_CHECK_NETWORK}"),
    ("no route to host", f"is not reachable. {_CHECK_NETWORK}"),
    ("network is unreachable", f"is not reachable. {_CHECK_NETWORK}"),
    ("starting up", "is starting up. Try again in a moment"),
    ("shutting down", "is shutting down. Start it again"),
    ("too many c", f"has no free connections. {_FREE_CONNECTIONS}"),
    ("remaining connection slots", f"has no free connections. {_FREE_CONNECTIONS}"),
]


def explain(error: psycopg.Error, parameters: Mapping[str, Any]) -> DatabaseUnavailable:
    """Return the error for a failed `psycopg.connect(**parameters)`: which server, what is wrong, what to do."""
    message = str(error)
    lowered = message.lower()
    user, database = repr(parameters.get("user")), repr(parameters.get("dbname"))
    host = parameters.get("host") or parameters.get("hostaddr")
    address = f"{host or 'the local socket'}, port {parameters.get('port') or 5432}"
    if not host and parameters.get("service"):
        address = f"service {parameters['service']!r}"
    server = f"The PostgreSQL server at {address}"
    if "does not exist" in lowered and "database" in lowered:
        return DatabaseUnavailable(f"{server} has no database {database}. Create it or correct DATABASE_URL.")
    if "does not exist" in lowered and "role" in lowered:
        return DatabaseUnavailable(f"{server} has no user {user}. Create it or correct DATABASE_URL.")
    for part, explanation in _EXPLANATIONS:
        if part in lowered:
            return DatabaseUnavailable(f"{server} {explanation.format(user=user, database=database)}.")
    return DatabaseUnavailable(f"{server} cannot be used: {_find_last_line(message, parameters)}.")


def require_version(server_version: int) -> None:
    """Raise `DatabaseUnavailable` if the server is too old; its version is libpq's number, such as 130004."""
    if server_version // 10_000 < MIN_VERSION:
        found = f"{server_version // 10_000}.{server_version % 10_000}"
        raise DatabaseUnavailable(
            f"The server runs PostgreSQL {found}, but the site needs PostgreSQL {MIN_VERSION} or newer. Upgrade it."
        )


def _find_last_line(message: str, parameters: Mapping[str, Any]) -> str:
    line = next((line.strip() for line in reversed(message.splitlines()) if line.strip()), "no reason given")
    for name in ("password", "sslpassword"):
        if parameters.get(name):
            line = line.replace(str(parameters[name]), "***")
    return line.rstrip(".")
