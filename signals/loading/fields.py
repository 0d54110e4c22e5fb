"""Typed reading of a registry record: each reader says in words what is not as expected."""

from typing import Any

from ncfd_site.ingest.records import InvalidRecord
from ncfd_site.ingest.text import collapse_spaces, require_length

# Largest value of a column of type integer.
LARGEST = 2**31 - 1
# Long enough for any statement of the registry; a text past it is not one.
LONGEST_TEXT = 200_000

Json = dict[str, Any]


def get_section(parent: Json, name: str) -> Json:
    """The object under `name`; empty where there is none."""
    value = parent.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidRecord(f"{name} is no object")
    return value


def get_objects(parent: Json, name: str) -> list[Json]:
    """The list of objects under `name`; empty where there is none."""
    value = parent.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise InvalidRecord(f"{name} is no list of objects")
    return value


def get_strings(parent: Json, name: str) -> list[str]:
    """The list of texts under `name`, without empty ones; empty where there is none."""
    value = parent.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidRecord(f"{name} is no list of texts")
    return [word for item in value if (word := collapse_spaces(item))]


def get_text(parent: Json, name: str, longest: int = LONGEST_TEXT) -> str:
    """The text under `name` without blanks around it; empty where there is none."""
    value = parent.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidRecord(f"{name} is no text")
    return require_length(value.strip(), longest, name)


def get_line(parent: Json, name: str, longest: int = LONGEST_TEXT) -> str:
    """The text under `name` on one line; empty where there is none."""
    return collapse_spaces(get_text(parent, name, longest))


def get_count(parent: Json, name: str) -> int | None:
    """The whole number under `name`, from 0 up; None where there is none."""
    value = parent.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST:
        raise InvalidRecord(f"{name} is {str(value)[:40]}, which is no count of people")
    return value
