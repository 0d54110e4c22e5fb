"""Data files, and templates in them.

`{trial.drug.inn}` stands for a value. A table with `by` has one form for each value of that name, or the forms True and
False.
"""

import csv
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

DATA = Path(__file__).with_name("data")
_FORMATTER = Formatter()


@cache
def read_toml(name: str) -> dict[str, Any]:
    """Return the tables of a TOML file."""
    return tomllib.loads((DATA / f"{name}.toml").read_text(encoding="utf-8"))


def read_csv(name: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file by the names in its first line."""
    with (DATA / f"{name}.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """Return the template with its placeholders replaced, also inside tables and lists.

    A text that is a single placeholder without a format becomes the value itself: a number stays a number.
    """
    if isinstance(template, dict) and "by" in template:
        chosen = _FORMATTER.get_field(template["by"], (), values)[0]
        return fill(template[chosen if isinstance(chosen, str) and chosen in template else str(bool(chosen))], values)
    if isinstance(template, dict):
        return {key: fill(part, values) for key, part in template.items()}
    if isinstance(template, list):
        return [fill(part, values) for part in template]
    if not isinstance(template, str):
        return template
    match list(_FORMATTER.parse(template)):
        case [("", str(name), "", None)]:
            return _FORMATTER.get_field(name, (), values)[0]
    return template.format_map(values)


class Phrases(dict[str, Any]):
    """Values for `fill`; a missing one is the phrase of that name in `phrases.toml`, filled when it is used."""

    def __missing__(self, name: str) -> Any:
        return fill(read_toml("phrases")[name], self)
