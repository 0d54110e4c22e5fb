"""Cost of load_ctgov compared with a bare COPY of the same file, and its growth with the file."""

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from bench.measure import Keywords, Row, manage, renew, scratch

SMALL, LARGE = 1_000, 4_000
FULL_SMALL, FULL_LARGE = 25_000, 100_000


def measure(full: bool) -> Iterator[Row]:
    """Return a row for each of two sizes; the second is four times the first, to show growth."""
    with scratch() as template, tempfile.TemporaryDirectory() as folder:
        manage(template, "migrate_alembic")
        for size in (FULL_SMALL, FULL_LARGE) if full else (SMALL, LARGE):
            file = Path(folder) / f"{size}.jsonl"
            with file.open("w") as sink:
                for number in range(size):
                    sink.write(json.dumps(record(number)) + "\n")
            with scratch(template["dbname"]) as keywords:
                began = time.perf_counter()
                manage(keywords, "load_ctgov", str(file), CONTENT_ROOT=str(Path(folder) / f"content-{size}"))
                ours = size / (time.perf_counter() - began)
                renew(keywords, keywords["dbname"], template["dbname"])
                base = size / _copy(keywords, file)
            yield Row(
                "load_ctgov, new trials",
                "bare COPY of the file",
                f"{size:,} records",
                f"{ours:,.0f}/s",
                f"{base:,.0f}/s",
                base / ours,
                "times slower than COPY; content, pages, assets and links included; linear",
            )


def _copy(keywords: Keywords, file: Path) -> float:
    with psycopg.connect(**keywords) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_copy (record jsonb)")
        connection.commit()
        began = time.perf_counter()
        with cursor.copy("COPY bench_copy FROM STDIN") as sink, file.open() as lines:
            for line in lines:
                sink.write_row([line])
        connection.commit()
        return time.perf_counter() - began


def record(number: int) -> dict[str, object]:
    """Return an invented registry record with the size and shape of a real one."""
    drug = f"Benchamab-{number % (1 + number // 2):05d}"
    return {
        "protocolSection": {
            "identificationModule": {
                "nctId": f"NCT{90_000_000 + number}",
                "briefTitle": f"{drug} in an invented disease",
            },
            "statusModule": {
                "overallStatus": "RECRUITING",
                "primaryCompletionDateStruct": {"date": f"20{27 + number % 3}-0{1 + number % 9}"},
                "lastUpdatePostDateStruct": {"date": "2026-02-03"},
            },
            "sponsorCollaboratorsModule": {"leadSponsor": {"name": f"Invented Sponsor {number % 700} Inc."}},
            "conditionsModule": {"conditions": ["Invented disease", f"Condition {number % 90}"]},
            "designModule": {
                "studyType": "INTERVENTIONAL",
                "phases": ["PHASE3" if number % 3 else "PHASE2"],
                "enrollmentInfo": {"count": 100 + number % 900, "type": "ESTIMATED"},
            },
            "armsInterventionsModule": {
                "armGroups": [{"label": "Treatment", "description": f"{drug} once a week, by injection. " * 4}],
                "interventions": [{"type": "DRUG", "name": drug}, {"type": "DRUG", "name": "Placebo"}],
            },
            "outcomesModule": {
                "primaryOutcomes": [
                    {"measure": "Overall survival", "timeFrame": "36 months", "description": "Death. " * 20}
                ]
            },
        }
    }
