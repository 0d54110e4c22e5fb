"""Reading the tiles: all of them in one statement; each by itself where that fails, so that one takes no other along.

A statement has little time. What a tile asks is bounded, so that it does not need more.
"""

import json
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any, get_type_hints

from django.contrib.auth.models import User
from django.db import OperationalError, transaction

from ncfd_site.core import sql
from ncfd_site.dashboard.tile import Found, Shown, Source

# Milliseconds for all tiles together, and for one of them alone.
PATIENCE_MS = 2000
# Seconds for the whole page once its tiles are read one by one; what is not read until then is not tried.
WHOLE_PAGE = 8.0
UNREADABLE = "could not be read"
TOO_SLOW = "took too long to read"
NOT_TRIED = "was not read, since others took too long"

log = logging.getLogger(__name__)


def load_tiles(sources: Sequence[Source], user: User) -> list[Shown]:
    """Read the tiles of a person, in their order; never raises for what goes wrong in one of them."""
    wanted = [source for source in sources if source.is_for(user)]
    ends = time.monotonic() + WHOLE_PAGE
    try:
        found = _ask(wanted, user)
    # Broad, as the two below: whatever goes wrong in a tile, the page stays, and the log has it.
    except Exception:
        log.warning("The tiles could not be read together, so each is read by itself", exc_info=True)
        return [_alone(source, user, ends) for source in wanted]
    return [_built(source, found[source.key], user) for source in wanted]


def _alone(source: Source, user: User, ends: float) -> Shown:
    if time.monotonic() > ends:
        return Shown(source, None, NOT_TRIED)
    try:
        found = _ask([source], user)
    except OperationalError:
        log.warning("The tile %s took longer than %s ms", source.key, PATIENCE_MS)
        return Shown(source, None, TOO_SLOW)
    except Exception:
        log.exception("The tile %s could not be read", source.key)
        return Shown(source, None, UNREADABLE)
    return _built(source, found[source.key], user)


def _built(source: Source, found: Found, user: User) -> Shown:
    try:
        return Shown(source, source.build(found, user))
    except Exception:
        log.exception("The tile %s could not be built", source.key)
        return Shown(source, None, UNREADABLE)


def _ask(sources: Iterable[Source], user: User) -> dict[str, dict[str, list[Any]]]:
    """Run the queries of tiles as one statement; the rows of each part, by tile and part."""
    parts = {(source.key, name): part for source in sources for name, part in source.parts_for(user).items()}
    parameters = {name: value(user) for source in sources for name, value in source.parameters.items()}
    found: dict[str, dict[str, list[Any]]] = {source.key: {name: [] for name in source.parts} for source in sources}
    if not parts:
        return found
    columns = ", ".join(
        f"(SELECT coalesce(json_agg(part), '[]')::text FROM ({part.query}) part)"  # noqa: S608 (queries are constants)
        for part in parts.values()
    )
    with transaction.atomic():
        sql.value(
            "SELECT set_config('statement_timeout', %s, true), set_config('jit', 'off', true)", [str(PATIENCE_MS)]
        )
        answer = sql.value(f"SELECT ARRAY[{columns}]", parameters)
    for ((key, name), part), text in zip(parts.items(), answer, strict=True):
        found[key][name] = [_typed(part.of, row) for row in json.loads(text, parse_float=Decimal)]
    return found


def _typed(of: type[Any], row: dict[str, Any]) -> Any:
    """A row with the types that its fields name: JSON has no moments and no dates."""
    hints = get_type_hints(of)
    return of(**{field.name: _value(hints[field.name], row[field.name]) for field in fields(of)})


def _value(hint: Any, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    options = getattr(hint, "__args__", (hint,))
    if datetime in options:
        return datetime.fromisoformat(value)
    return date.fromisoformat(value) if date in options else value
