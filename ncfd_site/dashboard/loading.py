"""Loading of tiles: all in one statement, or one by one when that fails, so that one tile never breaks another."""

import json
import logging
import time
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, get_type_hints

from django.contrib.auth.models import User
from django.db import OperationalError, transaction

from ncfd_site.core import sql
from ncfd_site.dashboard.tile import RenderedTile, Rows, Source
from ncfd_site.postgres.backend import dates

# Milliseconds for the statement of all tiles, and of a single one.
STATEMENT_TIMEOUT_MS = 2000
# Seconds for all tiles when they are loaded one by one; the remaining ones are skipped.
PAGE_TIMEOUT = 8.0
UNREADABLE = "could not be loaded"
TOO_SLOW = "took too long to load"
SKIPPED = "was skipped, because other tiles took too long"

log = logging.getLogger(__name__)


def load_tiles(sources: Sequence[Source], user: User) -> list[RenderedTile]:
    """Return the tiles of a user, in order; errors become part of the result."""
    wanted = [source for source in sources if source.is_for(user)]
    ends = time.monotonic() + PAGE_TIMEOUT
    try:
        found = _query(wanted, user)
    # Broad, as the two below: any error of a tile is logged, and the page stays.
    except Exception:
        log.warning("Cannot load the tiles in one statement; loading them one by one", exc_info=True)
        return [_load_tile(source, user, ends) for source in wanted]
    return [_build_tile(source, found[source.key], user) for source in wanted]


def _load_tile(source: Source, user: User, ends: float) -> RenderedTile:
    if time.monotonic() > ends:
        return RenderedTile(source, None, SKIPPED)
    try:
        found = _query([source], user)
    except OperationalError:
        log.warning("The tile %s took longer than %s ms", source.key, STATEMENT_TIMEOUT_MS)
        return RenderedTile(source, None, TOO_SLOW)
    except Exception:
        log.exception("Cannot load the tile %s", source.key)
        return RenderedTile(source, None, UNREADABLE)
    return _build_tile(source, found[source.key], user)


def _build_tile(source: Source, found: Rows, user: User) -> RenderedTile:
    try:
        return RenderedTile(source, source.build(found, user))
    except Exception:
        log.exception("Cannot build the tile %s", source.key)
        return RenderedTile(source, None, UNREADABLE)


def _query(sources: Iterable[Source], user: User) -> dict[str, dict[str, list[Any]]]:
    """Run the queries of tiles as one statement; return the rows by tile and query."""
    queries = {(source.key, name): query for source in sources for name, query in source.queries_for(user).items()}
    parameters = {name: value(user) for source in sources for name, value in source.parameters.items()}
    found: dict[str, dict[str, list[Any]]] = {source.key: {name: [] for name in source.queries} for source in sources}
    if not queries:
        return found
    columns = ", ".join(
        f"(SELECT coalesce(json_agg(row), '[]')::text FROM ({query.query}) row)"  # noqa: S608 (queries are constants)
        for query in queries.values()
    )
    with transaction.atomic():
        sql.value(
            "SELECT set_config('statement_timeout', %s, true), set_config('jit', 'off', true)",
            [str(STATEMENT_TIMEOUT_MS)],
        )
        answer = sql.value(f"SELECT ARRAY[{columns}]", parameters)
    for ((key, name), query), text in zip(queries.items(), answer, strict=True):
        hints, rows = get_type_hints(query.of), json.loads(text, parse_float=Decimal)
        found[key][name] = [
            query.of(**{column: _parse_time(hint, row[column]) for column, hint in hints.items()}) for row in rows
        ]
    return found


def _parse_time(hint: Any, value: Any) -> Any:
    """Return the value of a field with this type: JSON has times and dates as text."""
    if not isinstance(value, str):
        return value
    options = getattr(hint, "__args__", (hint,))
    kind = next((kind for kind in (datetime, date) if kind in options), None)
    if kind is None:
        return value
    try:
        return kind.fromisoformat(value)
    except ValueError:
        nearest = dates.EARLIEST if dates.is_early(value) else dates.LATEST
        return nearest if kind is datetime else nearest.date()
