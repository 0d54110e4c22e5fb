"""JSON files are read record by record in every form, and a bad record does not spoil the others."""

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ncfd_site.ingest.files import CUT
from ncfd_site.ingest.json_records import JsonPieces, read_json_records
from ncfd_site.ingest.records import InputError, Record, RejectedRecord

RECORDS = [
    {"id": 1, "text": 'a "quoted" [text] {of} brackets, \\ and é'},
    {"id": 2, "inner": [[1], {"a": []}]},
    {"id": 3},
]


def read(path: Path) -> list[Any]:
    return [
        item.value if isinstance(item, Record) else (item.place.line, item.place.record, item.reason)
        for item in read_json_records(path, "studies")
    ]


def file(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


LINES = "\n".join(map(json.dumps, RECORDS)) + "\n"
FORMS = {
    "lines.jsonl": LINES,
    "lines-without-last-end.ndjson": LINES.rstrip("\n"),
    "windows.jsonl": LINES.replace("\n", "\r\n"),
    "with-mark.jsonl": "\ufeff" + LINES,
    "with-blank-lines.jsonl": "\n\n" + LINES.replace("\n", "\n\n"),
    "lines-by-another-name.json": LINES,
    "page.json": json.dumps({"nextPageToken": "x", "studies": RECORDS, "totalCount": 3}),
    "pretty-page.json": json.dumps({"studies": RECORDS, "nextPageToken": "[{"}, indent=2),
    "array.json": json.dumps(RECORDS),
    "pretty-array.json": "\ufeff" + json.dumps(RECORDS, indent=4),
    "one-after-another.json": "".join(json.dumps(record, indent=1) for record in RECORDS),
    "lines-of-pages.jsonl": "\n".join(json.dumps({"studies": part}) for part in (RECORDS[:2], RECORDS[2:])),
    "array-of-pages.json": json.dumps([{"studies": RECORDS[:2]}, {"studies": RECORDS[2:]}]),
    "two-pages.json": "".join(json.dumps({"studies": part}, indent=1) for part in (RECORDS[:2], RECORDS[2:])),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_records(tmp_path: Path, name: str) -> None:
    assert read(file(tmp_path, name, FORMS[name])) == RECORDS


@pytest.mark.parametrize("name", FORMS)
def test_compressed_files_give_the_same(tmp_path: Path, name: str) -> None:
    assert read(file(tmp_path, f"{name}.gz", gzip.compress(FORMS[name].encode()))) == RECORDS


def test_one_study_is_one_record(tmp_path: Path) -> None:
    record = {"protocolSection": {"conditions": ["studies"]}, "studies": "none"}
    assert read(file(tmp_path, "one.json", json.dumps(record, indent=2))) == [record]


@pytest.mark.parametrize("text", ['{"studies": []}', "[]", "[ ]\n", "", "\n \n"])
def test_nothing_is_no_record(tmp_path: Path, text: str) -> None:
    assert read(file(tmp_path, "none.json", text)) == []


def test_lines_that_cannot_be_used_are_named_with_the_reason(tmp_path: Path) -> None:
    bad = [
        (b"{", "not JSON"),
        (b'{"a": \xff}', "not UTF-8: byte 0xff at position 7"),
        (b'{"a": "\\u0000"}', "NUL"),
        (b'{"a\\u0000b": 1}', "NUL"),
        (b'{"a": "\x00"}', "not JSON"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too many digits"),
        (b"[" * 200 + b"]" * 200, "nested too deeply"),
        (b"[" * 100_000, "nested too deeply"),
    ]
    lines = b"".join(line + b'\n{"good": 1}\n' for line, _ in bad)
    found = read(file(tmp_path, "bad.jsonl", lines))
    assert found[1::2] == [{"good": 1}] * len(bad)
    for number, ((line, record, reason), (_, expected)) in enumerate(zip(found[::2], bad, strict=True)):
        assert (line, record) == (2 * number + 1, None)
        assert expected in reason


def test_a_pair_of_surrogates_and_an_escaped_backslash_are_fine(tmp_path: Path) -> None:
    assert read(file(tmp_path, "good.jsonl", r'{"a": "\ud83d\ude00", "b": "\\u0000"}')) == [{"a": "😀", "b": "\\u0000"}]


def test_bad_items_of_a_page_are_named_by_line_and_number(tmp_path: Path) -> None:
    page = '{"studies": [\n{"id": 1},\n{"id": oops},\n{"id": 3}, {"id" 4}\n,7]}'
    good, second, third, fourth, last = read(file(tmp_path, "page.json", page))
    assert (good, third, last) == ({"id": 1}, {"id": 3}, 7)
    assert second[:2] == (3, 2)
    assert fourth[:2] == (4, 4)


def test_a_page_that_is_cut_gives_what_came_before(tmp_path: Path) -> None:
    text = json.dumps({"studies": RECORDS})
    *whole, last = read(file(tmp_path, "cut.json", text[: text.index("inner") + 20]))
    assert whole == RECORDS[:1]
    assert last == (1, 2, "not JSON: the file ends inside the record")


def test_text_that_is_no_json_is_refused(tmp_path: Path) -> None:
    assert read(file(tmp_path, "prose.json", "no json here")) == [(1, 1, "not JSON: text outside a record")]
    stray, record = read(file(tmp_path, "stray.json", "stray\n" + json.dumps(RECORDS[2], indent=1)))
    assert (stray[0], record) == (1, RECORDS[2])


@pytest.mark.parametrize("name", ["lines.jsonl", "page.json"])
def test_a_truncated_compressed_file_yields_its_readable_part_and_an_error(tmp_path: Path, name: str) -> None:
    records = [{"id": number, "filler": f"{number * 7919 % 1000:03}" * 50} for number in range(2000)]
    text = "\n".join(map(json.dumps, records)) if name == "lines.jsonl" else json.dumps({"studies": records})
    packed = gzip.compress(text.encode())
    *whole, last = read(file(tmp_path, f"{name}.gz", packed[: len(packed) // 2]))
    assert whole
    assert whole == records[: len(whole)]
    # Nearly all of what half of the file holds, not just what came before some buffer's end.
    assert len(whole) > 700
    assert last[2] == CUT


def test_a_damaged_compressed_file_is_reported(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(LINES.encode() * 200))
    packed[len(packed) // 2] ^= 0xFF
    assert isinstance(
        list(read_json_records(file(tmp_path, "bad.jsonl.gz", bytes(packed)), "studies"))[-1], RejectedRecord
    )


def test_a_file_that_does_not_exist_is_wrong_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json cannot be read"):
        read(tmp_path / "none.json")


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    pieces = JsonPieces(io.BufferedReader(io.BytesIO(b'[{"a": "' + b"x" * 2_000_000)), "studies", longest=1_000_000)
    (only,) = pieces
    assert "longer than 1,000,000 bytes" in only.error


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@given(st.lists(json_values, max_size=6), st.integers(1, 40), st.sampled_from([None, 1]), st.booleans())
def test_pieces_are_the_items_however_the_bytes_arrive(
    items: list[Any], chunk: int, indent: int | None, in_page: bool
) -> None:
    document = {"before": {"studies": [1, {"a": "["}]}, "studies": items, "after": [[], "]"]} if in_page else items
    data = json.dumps(document, indent=indent, ensure_ascii=False).encode("utf-8", "surrogatepass")

    class Drip(io.BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            return super().read1(min(chunk, size or 0))

    found = list(JsonPieces(Drip(data), "studies"))  # type: ignore[arg-type]
    assert [json.loads(piece.text.decode("utf-8", "surrogatepass")) for piece in found] == items
    assert not any(piece.error for piece in found)
    assert [piece.number for piece in found] == list(range(1, len(items) + 1))
    for piece in found:
        assert piece.text in data.split(b"\n", piece.line - 1)[-1]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_files_of_a_zip_archive_are_read(tmp_path: Path, method: int) -> None:
    path = tmp_path / "ctg-studies.json.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("NCT1.json", json.dumps(RECORDS[0], indent=1))
        archive.writestr("notes.txt", "no record")
        archive.writestr("deeper/array.json", json.dumps(RECORDS[1:]))
        archive.writestr("deeper/page.json", json.dumps({"studies": []}))
    assert read(path) == RECORDS
    assert next(item.place.file for item in read_json_records(path, "studies")) == f"{path}/NCT1.json"


def test_zip_archive_that_cannot_be_read_is_wrong_input(tmp_path: Path) -> None:
    path = tmp_path / "studies.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "no record")
    with pytest.raises(InputError, match="holds no file with the suffix"):
        read(path)
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(InputError, match="cannot be unpacked"):
        read(path)
