"""The first page as data: its tiles, and how fresh each source is."""

from datetime import datetime

from django.http import HttpRequest
from ninja import Schema
from pydantic import Field

from ncfd_site.api.operations import declare_get, register_router
from ncfd_site.core.permissions import current_user
from ncfd_site.dashboard.loading import load_tiles
from ncfd_site.dashboard.tile import Shown, registered_sources

router = register_router("dashboard", 100)
FRESHNESS = "freshness"


class FigureItem(Schema):
    """A number, or a word, with what it counts."""

    value: str
    words: str
    url: str | None = Field(description="The page that lists what is counted.")


class LineItem(Schema):
    """One of the rows that a tile names."""

    text: str
    note: str
    figure: str
    at: datetime | None


class TileItem(Schema):
    """A tile of the first page."""

    key: str
    title: str
    obstacle: str | None = Field(description="Why it could not be read; null where it was.")
    figures: list[FigureItem]
    lines: list[LineItem]
    as_of: datetime | None
    of_what: str | None


class Dashboard(Schema):
    """The tiles that the person may see."""

    items: list[TileItem]


@declare_get(router, "/dashboard", "", Dashboard, "The tiles of the first page")
def dashboard(request: HttpRequest) -> object:
    """What waits, what changed and what failed, as far as the person may see it."""
    return {"items": [_item(shown) for shown in load_tiles(registered_sources(), current_user(request))]}


@declare_get(router, "/freshness", "", TileItem, "Data freshness")
def freshness(request: HttpRequest) -> object:
    """Return the latest import of each source, document of each type, signal and score."""
    sources = [source for source in registered_sources() if source.key == FRESHNESS]
    shown = load_tiles(sources, current_user(request))
    if not shown:
        return _item(Shown(sources[0], None, "needs permissions that you do not have"))
    return _item(shown[0])


def _item(shown: Shown) -> dict[str, object]:
    tile = shown.tile
    return {
        "key": shown.source.key,
        "title": shown.source.title,
        "obstacle": shown.obstacle or None,
        "figures": [{"value": one.value, "words": one.words, "url": one.url or None} for one in tile.figures]
        if tile
        else [],
        "lines": list(tile.lines) if tile else [],
        "as_of": tile.as_of if tile else None,
        "of_what": (tile.of_what or None) if tile else None,
    }
