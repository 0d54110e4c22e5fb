"""Why a connection failed, as one sentence for people, without the password."""

from collections.abc import Mapping
from typing import Any

import psycopg

from ncfd_site.config.errors import DatabaseUnavailable

OLDEST = 14

# What the server or the driver says, and what that means. {who}, {database} and {place} are filled in.
_MEANINGS = [
    ("password authentication failed", "refuses the password of user {who}: correct DATABASE_URL"),
    ("no password supplied", "wants a password for user {who}: add one to DATABASE_URL"),
    ("peer authentication failed", "does not let user {who} in from this account: correct DATABASE_URL or pg_hba.conf"),
    ("no pg_hba.conf entry", "does not let user {who} into database {database} from here: correct its pg_hba.conf"),
    ("does not support ssl", "offers no TLS, which the sslmode in DATABASE_URL demands: change one of the two"),
    ("certificate verify failed", "shows a certificate that cannot be verified: correct sslrootcert in DATABASE_URL"),
    ("could not translate host name", "has a name that cannot be resolved: correct the host in DATABASE_URL"),
    ("name or service not known", "has a name that cannot be resolved: correct the host in DATABASE_URL"),
    ("failed to resolve host", "has a name that cannot be resolved: correct the host in DATABASE_URL"),
    ("connection refused", "is not reachable: nothing listens there; start it or correct DATABASE_URL"),
    ("no such file or directory", "is not reachable: there is no such socket; start it or correct DATABASE_URL"),
    ("timeout expired", "is not reachable: it does not answer; check the network or correct DATABASE_URL"),
    ("timed out", "is not reachable: it does not answer; check the network or correct DATABASE_URL"),
    ("no route to host", "is not reachable: there is no way to it; check the network or correct DATABASE_URL"),
    ("network is unreachable", "is not reachable: there is no way to it; check the network or correct DATABASE_URL"),
    ("starting up", "is starting up: try again in a moment"),
    ("shutting down", "is shutting down: start it again"),
    ("too many c", "has no connection left: close some, or raise its max_connections"),
    ("remaining connection slots", "has no connection left: close some, or raise its max_connections"),
]


def refusal(error: psycopg.Error, keywords: Mapping[str, Any]) -> DatabaseUnavailable:
    """The sentence for a failed `psycopg.connect(**keywords)`: which server, what is wrong, what to do."""
    said = str(error)
    who, database = f"{keywords.get('user')!r}", f"{keywords.get('dbname')!r}"
    place = f"The PostgreSQL server at {_place(keywords)}"
    lowered = said.lower()
    if "does not exist" in lowered and "database" in lowered:
        return DatabaseUnavailable(f"{place} has no database {database}: create it or correct DATABASE_URL.")
    if "does not exist" in lowered and "role" in lowered:
        return DatabaseUnavailable(f"{place} has no user {who}: create it or correct DATABASE_URL.")
    for words, meaning in _MEANINGS:
        if words in lowered:
            return DatabaseUnavailable(f"{place} {meaning.format(who=who, database=database)}.")
    return DatabaseUnavailable(f"{place} cannot be used: {_last_line(said, keywords)}.")


def require_version(server_version: int) -> None:
    """Raise `DatabaseUnavailable` for a server (its version as libpq tells it, such as 130004) that is too old."""
    if server_version // 10_000 < OLDEST:
        found = f"{server_version // 10_000}.{server_version % 10_000}"
        raise DatabaseUnavailable(
            f"The server runs PostgreSQL {found}, which is too old: the site needs PostgreSQL {OLDEST} or newer."
        )


def _place(keywords: Mapping[str, Any]) -> str:
    host = keywords.get("host") or keywords.get("hostaddr")
    if not host and keywords.get("service"):
        return f"service {keywords['service']!r}"
    port = keywords.get("port") or 5432
    return f"{host or 'the local socket'}, port {port}"


def _last_line(said: str, keywords: Mapping[str, Any]) -> str:
    line = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "it gives no reason")
    secrets = [str(keywords[name]) for name in ("password", "sslpassword") if keywords.get(name)]
    for secret in secrets:
        line = line.replace(secret, "***")
    return line.rstrip(".")
