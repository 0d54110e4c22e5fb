"""The tiles of the first page, in their order."""

from ncfd_site.dashboard.tile import Source
from ncfd_site.dashboard.tiles import (
    content,
    disagreements,
    errors,
    freshness,
    gates,
    loads,
    queue,
    risk,
    running,
    schema,
)

SOURCES: tuple[Source, ...] = (
    queue.SOURCE,
    risk.SOURCE,
    gates.SOURCE,
    disagreements.SOURCE,
    errors.SOURCE,
    loads.SOURCE,
    running.SOURCE,
    freshness.SOURCE,
    schema.SOURCE,
    content.SOURCE,
)
