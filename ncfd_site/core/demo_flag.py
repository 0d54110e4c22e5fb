"""Whether the data of this database was generated for a demonstration: its comment says so."""

from time import monotonic

from django.db import DEFAULT_DB_ALIAS, Error, connections

from ncfd_site.core import sql

DEMONSTRATION = "ncfd demonstration"
COMMENT = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"

# Generated data stays generated; a database without the mark may be given it while this process runs.
ASK_AGAIN_SECONDS = 60.0

_marked: set[str] = set()
_unmarked_until: dict[str, float] = {}


def is_demonstration(using: str = DEFAULT_DB_ALIAS) -> bool:
    """Return whether the database is marked as a demonstration; False where it cannot be asked.

    Remembered for the process, so that a page costs no query for it.
    """
    name = str(connections[using].settings_dict["NAME"])
    if name in _marked:
        return True
    if monotonic() < _unmarked_until.get(name, 0.0):
        return False
    try:
        comment = sql.value(COMMENT, using=using)
    except Error:
        # The page that asks has its own way to say that the database is away.
        return False
    if str(comment or "").startswith(DEMONSTRATION):
        _marked.add(name)
        return True
    _unmarked_until[name] = monotonic() + ASK_AGAIN_SECONDS
    return False


def clear_cache() -> None:
    """Ask the database again the next time."""
    _marked.clear()
    _unmarked_until.clear()
