"""Typed access to the fields of a registry record. Fields of another type raise InvalidRecord."""

from typing import Any

from ncfd_site.ingest.records import InvalidRecord
from ncfd_site.ingest.text import collapse_spaces, require_length

# Largest value of an integer column.
LARGEST = 2**31 - 1
MAX_TEXT_LENGTH = 200_000

Json = dict[str, Any]


def get_section(parent: Json, name: str) -> Json:
    """Return the object `name`, empty if missing; raises `InvalidRecord` for another type."""
    value = parent.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidRecord(f"{name} is not an object")
    return value


def get_objects(parent: Json, name: str) -> list[Json]:
    """Return the list of objects `name`, empty if missing; raises `InvalidRecord` for another type."""
    value = parent.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise InvalidRecord(f"{name} is not a list of objects")
    return value


def get_strings(parent: Json, name: str) -> list[str]:
    """Return the non-empty texts of the list `name`, each on one line; empty if missing. Raises `InvalidRecord`."""
    value = parent.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidRecord(f"{name} is not a list of texts")
    return [word for item in value if (word := collapse_spaces(item))]


def get_text(parent: Json, name: str, longest: int = MAX_TEXT_LENGTH) -> str:
    """Return the stripped text `name`, empty if missing; raises `InvalidRecord` if too long or no text."""
    value = parent.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidRecord(f"{name} is not a text")
    return require_length(value.strip(), longest, name)


def get_line(parent: Json, name: str, longest: int = MAX_TEXT_LENGTH) -> str:
    """Return the text `name` on one line, empty if missing; raises `InvalidRecord` as `get_text` does."""
    return collapse_spaces(get_text(parent, name, longest))


def get_count(parent: Json, name: str) -> int | None:
    """Return the non-negative integer `name`, None if missing; raises `InvalidRecord` for another value."""
    value = parent.get(name)
    if value is None:
        return None
    if isinstance(value, str):
        raise InvalidRecord(f'{name} is the text "{value[:40]}", not a number')
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST:
        raise InvalidRecord(f"{name} is {str(value)[:40]}, which is not a number of participants")
    return value
