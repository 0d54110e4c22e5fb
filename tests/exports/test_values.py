"""Values in a file: what a spreadsheet would run is defused, numbers stay numbers, moments have their zone."""

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.range import Range

from ncfd_site.exports.formats import FORMATS, Heading, dump_json_line, iterate_chunks, to_csv_cell

NOON = datetime(2024, 3, 1, 12, 0, 0, 250, tzinfo=UTC)
ROWS: list[list[Any]] = [
    [1, "=1+1", Decimal("0.95"), NOON, {"quote": "=1", "n": [1]}, None, True],
    [-2, 'a "quoted",\nline', Decimal(-3), date(2024, 3, 1), [], "", False],
]
HEADING = Heading("links", 'label: right; "HP-1"', 2, NOON)
NAMES = ["number", "text", "rate", "at", "json", "nothing", "truth"]


def written(form: str, rows: list[list[Any]]) -> str:
    return b"".join(iterate_chunks(FORMATS[form], HEADING, NAMES, rows)).decode()


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_a_text_that_a_spreadsheet_would_run_is_defused(text: str) -> None:
    assert to_csv_cell(text) == f"'{text}"
    # JSON has no formulas.
    assert json.loads(dump_json_line(text)) == text


@pytest.mark.parametrize(
    ("value", "cell"),
    [(-5, "-5"), (Decimal("-0.50"), "-0.50"), (-1.5, "-1.5"), (Decimal("1E+3"), "1000"), (None, ""), (True, "true")],
)
def test_numbers_stay_numbers(value: Any, cell: str) -> None:
    assert to_csv_cell(value) == cell


def test_csv_has_a_head_and_what_json_has() -> None:
    first, head, *rows = csv.reader(io.StringIO(written("csv", ROWS)))
    assert first == ['# links: label: right; "HP-1"; rows: 2; 2024-03-01 12:00:00 UTC']
    assert head == NAMES
    assert rows[0] == ["1", "'=1+1", "0.95", "2024-03-01T12:00:00.000250+00:00", '{"quote":"=1","n":[1]}', "", "true"]
    assert rows[1] == ["-2", 'a "quoted",\nline', "-3", "2024-03-01", "[]", "", "false"]


def test_json_is_one_object_and_json_lines_are_lines() -> None:
    stated = json.loads(written("json", ROWS))
    whole = stated.pop("rows")
    assert stated == {
        "list": "links", "filter": 'label: right; "HP-1"', "count": 2, "written_at": "2024-03-01T12:00:00.000250+00:00",
    }  # fmt: skip
    # The first line has it all.
    assert json.loads(f"{written('json', ROWS).splitlines()[0]}]}}") == stated | {"rows": []}
    assert [stated, *whole] == [json.loads(line) for line in written("jsonl", ROWS).splitlines()]
    assert whole[0] == {
        "number": 1, "text": "=1+1", "rate": 0.95, "at": "2024-03-01T12:00:00.000250+00:00",
        "json": {"quote": "=1", "n": [1]}, "nothing": None, "truth": True,
    }  # fmt: skip
    assert json.loads(written("json", [])) == stated | {"rows": []}
    assert [json.loads(line) for line in written("jsonl", []).splitlines()] == [stated]
    assert written("csv", []).splitlines()[1:] == [",".join(NAMES)]


def test_other_values_are_text() -> None:
    assert to_csv_cell(Range(date(2024, 3, 1), None)) == "[2024-03-01,)"
    assert to_csv_cell(Range(empty=True)) == "empty"
    assert to_csv_cell(UUID(int=1)) == str(UUID(int=1))
    assert to_csv_cell(b"\x01") == "01"
    # What floating point would change, and what JSON has no number for.
    assert dump_json_line([Decimal("0.12345678901234567890"), Decimal("NaN"), float("inf")]) == (
        '["0.12345678901234567890","NaN","inf"]'
    )


def test_rows_are_handed_on_in_pieces() -> None:
    pieces = list(iterate_chunks(FORMATS["jsonl"], HEADING, ["n"], ([number] for number in range(50_000))))
    assert len(pieces) > 3
    assert max(map(len, pieces)) < 70_000
