"""The tables of this folder: CSV files, since a list of things is easier to read as a table than as code."""

import csv
from pathlib import Path


def rows_of(file: Path) -> list[dict[str, str]]:
    """Every row of a CSV file, by the names in its first line."""
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))
