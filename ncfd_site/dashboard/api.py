"""API resources of the home page: its tiles, and data freshness."""

from datetime import datetime

from django.http import HttpRequest
from ninja import Schema
from pydantic import Field

from ncfd_site.api.operations import declare_get, register_router
from ncfd_site.core.permissions import current_user
from ncfd_site.dashboard.loading import load_tiles
from ncfd_site.dashboard.tile import RenderedTile, Tile, registered_sources

router = register_router("dashboard", 100)
FRESHNESS = "freshness"


class FigureItem(Schema):
    """A number or word with its label."""

    value: str
    label: str
    url: str | None = Field(description="Page with the counted rows.")


class LineItem(Schema):
    """A row of a tile."""

    text: str
    note: str
    figure: str
    at: datetime | None


class TileItem(Schema):
    """A tile of the home page."""

    key: str
    title: str
    error: str | None = Field(description="Error of loading; null without one.")
    figures: list[FigureItem]
    lines: list[LineItem]
    as_of: datetime | None
    scope: str | None


class Dashboard(Schema):
    """The tiles of a user."""

    items: list[TileItem]


@declare_get(router, "/dashboard", "", Dashboard, "Tiles of the home page")
def dashboard(request: HttpRequest) -> object:
    """Return the tiles that the user may see."""
    return {"items": [_serialize_tile(shown) for shown in load_tiles(registered_sources(), current_user(request))]}


@declare_get(router, "/freshness", "", TileItem, "Data freshness")
def freshness(request: HttpRequest) -> object:
    """Return the latest import of each source, document of each type, signal and score."""
    sources = [source for source in registered_sources() if source.key == FRESHNESS]
    shown = load_tiles(sources, current_user(request))
    if not shown:
        return _serialize_tile(RenderedTile(sources[0], None, "requires permissions that you do not have"))
    return _serialize_tile(shown[0])


def _serialize_tile(shown: RenderedTile) -> dict[str, object]:
    tile = shown.tile or Tile()
    return {
        "key": shown.source.key,
        "title": shown.source.title,
        "error": shown.error or None,
        "figures": [{"value": one.value, "label": one.label, "url": one.url or None} for one in tile.figures],
        "lines": list(tile.lines),
        "as_of": tile.as_of,
        "scope": tile.scope or None,
    }
