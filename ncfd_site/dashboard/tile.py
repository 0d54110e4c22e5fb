"""What a tile of the first page is: figures that lead to their lists, some lines, and as of when."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

# More than this is told as "more than"; nobody reads a list of so many.
MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Figure:
    """A number (or a word) with what it counts; `mark` is a class of a badge where it is good or bad news."""

    value: str
    words: str
    url: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One of the few rows that a tile names; `figure` stands at its right."""

    text: str
    url: str = ""
    note: str = ""
    figure: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """The one thing to do next, for the top of the page."""

    words: str
    url: str


@dataclass(frozen=True, slots=True)
class Tile:
    """What a tile says. `nothing` is said where there is no line, `as_of` and `of_what` where its numbers come from."""

    figures: tuple[Figure, ...] = ()
    lines: tuple[Line, ...] = ()
    nothing: str = ""
    as_of: datetime | None = None
    of_what: str = ""
    further: tuple[Action, ...] = ()
    action: Action | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One bounded query of a tile: its rows are `of`; only for those who have `permission`, where it names one."""

    query: str
    of: type[Any]
    permission: str = ""


Found = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Source:
    """A tile before it is read: for those who have one of `permissions`, from the rows of its parts.

    `url_name` is the page that goes on from it, for when it could not be read.
    """

    key: str
    title: str
    permissions: tuple[str, ...]
    parts: Mapping[str, Part]
    build: Callable[[Found, User], Tile]
    url_name: str = ""
    parameters: Mapping[str, Callable[[User], Any]] = field(default_factory=dict)
    position: int = 0

    def is_for(self, user: User) -> bool:
        """Whether a person sees it at all."""
        return any(user.has_perm(permission) for permission in self.permissions)

    def parts_for(self, user: User) -> dict[str, Part]:
        """The parts that a person may see."""
        return {
            name: part for name, part in self.parts.items() if not part.permission or user.has_perm(part.permission)
        }


@dataclass(frozen=True, slots=True)
class Shown:
    """A tile as the page shows it: what it says, or why it says nothing."""

    source: Source
    tile: Tile | None
    obstacle: str = ""


def mark(is_bad: bool) -> str:
    """The class of a badge for good or bad news."""
    return "wrong" if is_bad else "right"


_registered: dict[str, Source] = {}


def register(source: Source) -> Source:
    """Register a tile and return it; an app does so in its module `dashboard`."""
    _registered[source.key] = source
    return source


def registered_sources() -> list[Source]:
    """Return all tiles in the order of the page."""
    return sorted(_registered.values(), key=lambda source: source.position)
