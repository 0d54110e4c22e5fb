"""Tiles of the home page: figures that link to their lists, a few lines, and the time of the data."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from ncfd_site.core.charts.series import SeriesChart
from ncfd_site.core.registry import Registry

# Counts above the limit are shown as "more than".
COUNT_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class Figure:
    """A number or word with a label; `status` is "right", "wrong" or ""."""

    value: str
    label: str
    url: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a tile, with a figure at its right."""

    text: str
    url: str = ""
    note: str = ""
    figure: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """A link to another page; the first one of all tiles is the primary action of the page."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Tile:
    """The content of a tile. `empty_text` replaces missing lines; `as_of` and `scope` describe the data."""

    figures: tuple[Figure, ...] = ()
    lines: tuple[Line, ...] = ()
    empty_text: str = ""
    as_of: datetime | None = None
    scope: str = ""
    links: tuple[Action, ...] = ()
    action: Action | None = None
    chart: SeriesChart | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A bounded query of a tile with rows of type `of`, for users with `permission` ("": all)."""

    query: str
    of: type[Any]
    permission: str = ""


Rows = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Source:
    """The definition of a tile, shown to users with one of `permissions`.

    `build` gets the rows of each query. `url_name` is the page to link when the tile cannot be read.
    """

    key: str
    title: str
    permissions: tuple[str, ...]
    queries: Mapping[str, Query]
    build: Callable[[Rows, User], Tile]
    url_name: str = ""
    parameters: Mapping[str, Callable[[User], Any]] = field(default_factory=dict)
    position: int = 0
    # Permissions of the roles whose work the tile shows; it comes first for them and last for others.
    workers: tuple[str, ...] = ()

    def is_for(self, user: User) -> bool:
        """Return whether the user may see the tile."""
        return any(map(user.has_perm, self.permissions))

    def queries_for(self, user: User) -> dict[str, Query]:
        """Return the queries that a user may see."""
        return {
            name: query
            for name, query in self.queries.items()
            if not query.permission or user.has_perm(query.permission)
        }


@dataclass(frozen=True, slots=True)
class RenderedTile:
    """A tile as the page shows it: its content, or an error."""

    source: Source
    tile: Tile | None
    error: str = ""


def figure_status(is_bad: bool) -> str:
    """Return "wrong", the status that a figure is marked with, if it is bad, else "right"."""
    return "wrong" if is_bad else "right"


_registry = Registry[Source]("tile", "dashboard", lambda source: source.key)
register = _registry.register


def registered_sources() -> list[Source]:
    """Return all tiles in the order of the page."""
    return sorted(_registry.items().values(), key=lambda source: source.position)
