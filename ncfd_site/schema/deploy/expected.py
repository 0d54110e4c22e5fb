"""The catalogs that schema `public` should have at each revision, from the generated file `schema/expected.json`."""

import json
from collections.abc import Mapping, Sequence
from typing import TypedDict

from ncfd_site.schema.catalog import Catalog, Key
from ncfd_site.schema.deploy import revisions

FILE = revisions.SCHEMA_FOLDER / "expected.json"

# A definition that consecutive revisions share: `since` is the first of them, `until` the first revision without it.
Entry = TypedDict("Entry", {"kind": str, "name": str, "is": str, "since": str, "until": str | None})


def expected_catalog(revision: str) -> Catalog:
    """Return the catalog that schema public should have at a revision."""
    return expected_catalogs([revision])[revision]


def expected_catalogs(wanted: Sequence[str]) -> dict[str, Catalog]:
    """Return the catalogs that schema public should have at some revisions."""
    return unfold(json.loads(FILE.read_text(encoding="utf-8")), wanted)


def fold(catalogs: Mapping[str, Catalog]) -> list[Entry]:
    """Fold the catalogs of consecutive revisions into one entry for each definition, with its revisions."""
    entries: list[Entry] = []
    open_entries: dict[Key, Entry] = {}
    for revision, catalog in catalogs.items():
        for key in [key for key, entry in open_entries.items() if catalog.get(key) != entry["is"]]:
            open_entries.pop(key)["until"] = revision
        for key in sorted(catalog.keys() - open_entries.keys()):
            entry: Entry = {"kind": key[0], "name": key[1], "is": catalog[key], "since": revision, "until": None}
            entries.append(entry)
            open_entries[key] = entry
    return entries


def unfold(entries: Sequence[Entry], wanted: Sequence[str]) -> dict[str, Catalog]:
    """Return the catalogs of some revisions from the entries of `fold`."""
    order = {revision: place for place, revision in enumerate(revisions.ids())}
    catalogs: dict[str, Catalog] = {revision: {} for revision in wanted}
    for entry in entries:
        since, until = order[entry["since"]], order.get(entry["until"] or "", len(order))
        for revision in wanted:
            if since <= order[revision] < until:
                catalogs[revision][entry["kind"], entry["name"]] = entry["is"]
    return catalogs
