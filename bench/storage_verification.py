"""Cost of the check of counts compared with a plain join, and its growth with the number of objects."""

import statistics
import time
from collections.abc import Iterator

from bench.measure import Keywords, Row, manage, scratch
from bench.objects import count_drifted_objects, fill_store, use_database
from ncfd_site.core.progress import NullReporter
from storage.verification import (
    Check,
    Finding,
    VerifyOptions,
    verify,
)

SMALL, LARGE = 10_000, 100_000
FULL_SMALL, FULL_LARGE = 100_000, 1_000_000
REFERENCES = 2
TIMES = 5


def measure(full: bool) -> Iterator[Row]:
    """Return a row for each of two sizes; the second is ten times the first, to show growth."""
    before = 0.0
    with scratch() as template:
        manage(template, "migrate_alembic")
        for size in (FULL_SMALL, FULL_LARGE) if full else (SMALL, LARGE):
            with scratch(template["dbname"]) as keywords:
                fill_store(keywords, size, REFERENCES)
                ours, base, command = _measure_times(keywords)
            grown = f"; {ours / before:.1f} times the row above" if before else ""
            yield Row(
                "storage_verify --only counts",
                "plain join",
                f"{size:,} objects, {size * REFERENCES:,} references",
                f"{ours:.2f} s",
                f"{base:.2f} s",
                ours / base,
                f"goal: at most 3; {command:.2f} s with the start of the command{grown}",
            )
            before = ours


def _measure_times(keywords: Keywords) -> tuple[float, float, float]:
    """Return the median seconds of the check, the join and the command, which run alternately."""
    ours, base, command = [], [], []
    for _ in range(TIMES):
        started = time.perf_counter()
        _verify_counts(keywords)
        ours.append(time.perf_counter() - started)
        started = time.perf_counter()
        count_drifted_objects(keywords)
        base.append(time.perf_counter() - started)
        started = time.perf_counter()
        manage(keywords, "storage_verify", "--only", "counts")
        command.append(time.perf_counter() - started)
    return statistics.median(ours), statistics.median(base), statistics.median(command)


def _verify_counts(keywords: Keywords) -> None:
    found: list[Finding] = []
    with use_database(keywords):
        summary = verify(VerifyOptions(checks=(Check.COUNTS,)), NullReporter("bench"), found.append)
    if found or not summary.checks[Check.COUNTS].checked_count:
        raise SystemExit(f"The check reports {len(found)} wrong counts; all are correct.")
