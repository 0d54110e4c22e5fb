"""Measure and print a table."""

import argparse
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ncfd_site.settings")
django.setup()

from bench import (  # noqa: E402 (Django is set up first)
    backups,
    loading,
    locks,
    migration,
    parts,
    plan,
    precision,
    replicas,
    review,
    scoring,
    site,
    snapshot,
    storage_counts,
    storage_gc,
    storage_verification,
)
from bench.measure import Row, table  # noqa: E402

MEASUREMENTS = {
    "migration": migration.measure,
    "locks": locks.measure,
    "plan": plan.measure,
    "loading": loading.measure,
    "storage_counts": storage_counts.measure,
    "storage_verification": storage_verification.measure,
    "storage_gc": storage_gc.measure,
    "precision": precision.measure,
    "review": review.measure,
    "scoring": scoring.measure,
    "parts": parts.measure,
    "site": site.measure,
    "backups": backups.measure,
    "snapshot": snapshot.measure,
    "replicas": replicas.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"measurement: {', '.join(MEASUREMENTS)} (default: all)"
    )
    parser.add_argument("--full", action="store_true", help="use the large sizes")
    options = parser.parse_args()
    unknown = set(options.names) - MEASUREMENTS.keys()
    if unknown:
        parser.error(f"unknown measurement {', '.join(sorted(unknown))}; choose from {', '.join(MEASUREMENTS)}")
    rows: list[Row] = []
    for name in options.names or MEASUREMENTS:
        sys.stderr.write(f"measuring {name} …\n")
        rows += MEASUREMENTS[name](options.full)
    sys.stdout.write(table(rows) + "\n")


if __name__ == "__main__":
    main()
