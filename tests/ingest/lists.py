"""Ticker lists in the formats of the SEC; all companies are invented."""

import json
from pathlib import Path
from typing import Any

Row = tuple[Any, str | None, str | None, str | None]
EXAMPLE: Row = (1001, "Example Therapeutics, Inc.", "EXMP", "Nasdaq")
SAMPLE: Row = (1002, "SAMPLE BIO CORP /DE/", "SMPL", "NYSE")


def as_csv(path: Path, *rows: Row) -> Path:
    """Write the list as CSV."""
    lines = [",".join(f'"{"" if value is None else value}"' for value in row) for row in rows]
    path.write_text("\n".join(["cik,name,ticker,exchange", *lines]) + "\n")
    return path


def as_json(path: Path, *rows: Row) -> Path:
    """Write the list as the SEC's JSON."""
    path.write_text(json.dumps({"fields": ["cik", "name", "ticker", "exchange"], "data": rows}))
    return path
