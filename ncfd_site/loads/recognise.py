"""Tell what a file holds by looking into it."""

from enum import Enum
from itertools import islice
from pathlib import Path
from typing import Any

from linkaudit.loading import audit_row
from ncfd_site.ingest.csvrecords import csv_header
from ncfd_site.ingest.files import bare_suffix, opened
from ncfd_site.ingest.items import Good, WrongInput
from ncfd_site.ingest.jsonrecords import SUFFIXES, json_records
from securities.loading import listing

# How many records are looked at; the first ones may be damaged.
LOOKED_AT = 20


class Kind(Enum):
    """What can be loaded, in the order in which it is."""

    SEC = "the SEC's list of tickers"
    REGISTRY = "ClinicalTrials.gov records"
    AUDITS = "proposals of links"


def recognised(folder: Path) -> dict[Kind | None, list[Path]]:
    """The files of a folder, at any depth, by what they hold; under None what nobody knows."""
    if not folder.is_dir():
        raise WrongInput(f"There is no folder {folder}.")
    found: dict[Kind | None, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden:
            found.setdefault(kind_of(path), []).append(path)
    return found


def kind_of(path: Path) -> Kind | None:
    """What the file holds, or None."""
    try:
        if bare_suffix(path) == ".csv":
            with opened(path) as stream:
                return _kind_of_columns({name.strip() for name in csv_header(stream)})
        if bare_suffix(path) in SUFFIXES:
            for item in islice(json_records(path, "studies"), LOOKED_AT):
                if isinstance(item, Good) and isinstance(item.value, dict) and (kind := _kind_of_object(item.value)):
                    return kind
    except WrongInput:
        return None
    return None


def _kind_of_columns(columns: set[str]) -> Kind | None:
    if columns.issuperset(listing.COLUMNS):
        return Kind.SEC
    return Kind.AUDITS if columns.issuperset(audit_row.REQUIRED) else None


def _kind_of_object(value: dict[str, Any]) -> Kind | None:
    if "protocolSection" in value:
        return Kind.REGISTRY
    if isinstance(value.get("fields"), list) and isinstance(value.get("data"), list):
        return Kind.SEC if {str(name) for name in value["fields"]}.issuperset(listing.COLUMNS) else None
    return _kind_of_columns(set(value))
