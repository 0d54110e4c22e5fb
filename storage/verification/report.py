"""A summary as a person reads it."""

from collections.abc import Iterator

from storage.verification.summary import Summary

_COLUMNS = ("looked at", "wrong", "noted", "young", "not checked")


def summary_lines(summary: Summary) -> Iterator[str]:
    """A table of the checks, and which stores could not be asked."""
    yield f"{'':8}" + "".join(f"{column:>14}" for column in _COLUMNS)
    for name, checked in summary.checks.items():
        numbers = (checked.looked_at, checked.findings, checked.notes, checked.young, checked.unchecked)
        yield f"{name:8}" + "".join(f"{number:>14,}" for number in numbers)
    if summary.sample < 1:
        yield f"Of bytes and hashes {summary.sample:.3%} were looked at, drawn with the seed {summary.seed}."
    for backend, missed in summary.unavailable.items():
        left = [
            f"{rows:,} {'row' if rows == 1 else 'rows'} ({name})" for name, rows in missed.unchecked.items() if rows
        ]
        rest = f" {' and '.join(left)} could not be checked." if left else ""
        listed = f" What lies in {backend} could not be listed." if "orphans" in missed.unchecked else ""
        yield f"{missed.reason}{rest}{listed}"


def verdict(summary: Summary) -> str:
    """How it ended, in one sentence; empty where nothing is wrong and everything was looked at."""
    if summary.findings:
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in sorted(summary.kinds.items()))
        rest = "" if summary.is_complete else " Not everything could be checked."
        number = f"{summary.findings:,} {'thing is' if summary.findings == 1 else 'things are'} wrong"
        return f"{number} ({kinds}): storage_repair says what can be mended.{rest}"
    return "" if summary.is_complete else "Nothing wrong was found, but not everything could be checked."
