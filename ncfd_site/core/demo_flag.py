"""The mark of a demonstration database: its comment marks the data as generated."""

from time import monotonic

from django.db import DEFAULT_DB_ALIAS, Error, connections

from ncfd_site.core import sql

DEMONSTRATION = "ncfd demonstration"
READ_COMMENT = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"

# A demonstration stays one; another database may become one while this process runs.
RECHECK_SECONDS = 60.0

_marked: set[str] = set()
_unmarked_until: dict[str, float] = {}


def is_demonstration(using: str = DEFAULT_DB_ALIAS) -> bool:
    """Return whether the database is a demonstration, False if it cannot be reached. Cached, so pages cost no query."""
    name = str(connections[using].settings_dict["NAME"])
    if name in _marked:
        return True
    if monotonic() < _unmarked_until.get(name, 0.0):
        return False
    try:
        comment = sql.value(READ_COMMENT, using=using)
    except Error:
        # The page that called this reports the failure of the database.
        return False
    if str(comment or "").startswith(DEMONSTRATION):
        _marked.add(name)
        return True
    _unmarked_until[name] = monotonic() + RECHECK_SECONDS
    return False


def clear_cache() -> None:
    """Read the comment again on the next call."""
    _marked.clear()
    _unmarked_until.clear()
