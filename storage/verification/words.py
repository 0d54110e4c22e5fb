"""Times in words."""

from datetime import timedelta

_UNITS = [("days", timedelta(days=1)), ("hours", timedelta(hours=1)), ("minutes", timedelta(minutes=1))]


def ago(age: timedelta) -> str:
    """An age in the largest unit of which there are at least two."""
    for words, unit in _UNITS:
        if age >= 2 * unit:
            return f"{age // unit:,} {words}"
    return f"{max(0, age // timedelta(seconds=1))} seconds"
