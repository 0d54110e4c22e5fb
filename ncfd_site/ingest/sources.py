"""The sources that can be loaded from files; each app registers its own in its package `loading`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ncfd_site.core.registry import Registry
from ncfd_site.ingest.csv_records import read_csv_header
from ncfd_site.ingest.files import bare_suffix, open_file
from ncfd_site.ingest.json_records import SUFFIXES, read_json_records
from ncfd_site.ingest.records import InputError, Record, Rejections
from ncfd_site.ingest.runs import LoadProgress, LoadSummary

# The first records of a file may be damaged, so more than one is read.
RECORDS_READ = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One kind of file: how it is recognized and how it is loaded.

    `recognizes` gets a record of the file, or for CSV a mapping with the names of the columns. Sources are loaded in
    the order of their positions. `is_single` refuses a second file; `is_loaded_together` loads all files in one call.
    """

    title: str
    position: int
    recognizes: Callable[[Mapping[str, Any]], bool]
    load: Callable[[Sequence[Path], Rejections, LoadProgress], LoadSummary]
    is_single: bool = False
    is_loaded_together: bool = False


_registry = Registry[Source]("source", "loading", lambda source: source.title)
register = _registry.register


def registered_sources() -> list[Source]:
    """Return all sources in the order in which they are loaded."""
    return sorted(_registry.items().values(), key=lambda source: source.position)


def recognize_folder(folder: Path) -> dict[str, list[Path]]:
    """Return the files of a folder, at any depth, by the title of their source; unrecognized ones under ""."""
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.")
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not is_hidden:
            source = recognize_file(path)
            found.setdefault(source.title if source else "", []).append(path)
    return found


def recognize_file(path: Path) -> Source | None:
    """Return the source of a file, or None."""
    try:
        if bare_suffix(path) == ".csv":
            with open_file(path) as stream:
                return _find_source_of({name.strip(): None for name in read_csv_header(stream)})
        if bare_suffix(path) in SUFFIXES:
            for item in islice(read_json_records(path, "studies"), RECORDS_READ):
                if (
                    isinstance(item, Record)
                    and isinstance(item.value, dict)
                    and (source := _find_source_of(item.value))
                ):
                    return source
    except InputError:
        return None
    return None


def _find_source_of(record: Mapping[str, Any]) -> Source | None:
    return next((source for source in registered_sources() if source.recognizes(record)), None)
