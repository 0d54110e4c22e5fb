"""CSV files are read row by row, and a bad row does not spoil the ones after it."""

import csv
import gzip
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ncfd_site.ingest.csv_records import read_csv_header, read_csv_rows
from ncfd_site.ingest.records import InputError, Record, RejectedRecord


def read(path: Path) -> list[Any]:
    rows = read_csv_rows(path, ["a", "b"])
    return [item.value if isinstance(item, Record) else (item.place.line, item.reason) for item in rows]


def file(folder: Path, text: str | bytes) -> Path:
    path = folder / "rows.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_rows_become_mappings_by_column(tmp_path: Path) -> None:
    assert read(file(tmp_path, "a,b\n1,2\n\n3,\n")) == [{"a": "1", "b": "2"}, {"a": "3", "b": ""}]


def test_other_columns_other_order_mark_and_line_ends_are_fine(tmp_path: Path) -> None:
    assert read(file(tmp_path, "\ufeffb, c ,a\r\n2,x,1\r\n")) == [{"a": "1", "b": "2", "c": "x"}]


def test_compressed_rows_are_read_too(tmp_path: Path) -> None:
    assert read(file(tmp_path, gzip.compress(b"a,b\n1,2\n"))) == [{"a": "1", "b": "2"}]


def test_quoted_fields_hold_commas_quotes_and_line_ends(tmp_path: Path) -> None:
    assert read(file(tmp_path, 'a,b\n"1,\n\n""one""",2\n3,4\n')) == [
        {"a": '1,\n\n"one"', "b": "2"},
        {"a": "3", "b": "4"},
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"1", "1 fields where the header has 2"),
        (b"1,2,3", "3 fields where the header has 2"),
        (b"1,\xff", "not UTF-8: byte 0xff at position 3"),
        (b"1,\x00", "NUL"),
        (b'1,"open', "a quotation mark is never closed"),
        (b'5" pipe,2', "a quotation mark is never closed"),
        (b'"1"x,2', "not CSV"),
        (b"1," + b"x" * 200_000, "field larger"),
        (b"1," + b"x" * 2_000_000, "longer than"),
    ],
)
def test_a_bad_row_is_named_and_the_rest_is_read(tmp_path: Path, line: bytes, reason: str) -> None:
    before, bad, after, last = read(file(tmp_path, b"a,b\n1,2\n" + line + b'\n3,4\n"5",6\n'))
    assert (before, after, last) == ({"a": "1", "b": "2"}, {"a": "3", "b": "4"}, {"a": "5", "b": "6"})
    assert bad[0] == 3
    assert reason in bad[1]


def test_a_quotation_mark_never_closed_does_not_take_the_rest_of_a_long_file(tmp_path: Path) -> None:
    found = read(file(tmp_path, 'a,b\n"1,2\n' + "3,4\n" * 1000))
    assert found == [(2, "a quotation mark is never closed"), *[{"a": "3", "b": "4"}] * 1000]


@pytest.mark.parametrize("blank", ["\n", "\r\n  \n", "\ufeff\n\n"])
def test_blank_lines_before_the_header_are_skipped(tmp_path: Path, blank: str) -> None:
    path = file(tmp_path, f"{blank}a,b\n1,2\n")
    assert read(path) == [{"a": "1", "b": "2"}]
    with path.open("rb") as stream:
        assert read_csv_header(stream) == ["a", "b"]


@pytest.mark.parametrize("text", ["", "x,y\n1,2\n", "a\n1\n", b"\xff\xfe\x00", '"a,b\n1,2\n'])
def test_another_format_is_wrong_input(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(InputError, match=r"rows\.csv"):
        read(file(tmp_path, text))


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), min_size=1), st.text('ab,"\n')
        )
    )
)
def test_what_a_writer_writes_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([("a", "b"), *rows])
    path = file(tmp_path_factory.mktemp("csv"), text.getvalue())
    found = list(read_csv_rows(path, ["a", "b"]))
    assert not any(isinstance(item, RejectedRecord) for item in found)
    assert [tuple(item.value.values()) for item in found if isinstance(item, Record)] == rows
