"""Memory use of loads is independent of file size."""

import gzip
import json
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from linkaudit.loading.proposals import read_proposals
from ncfd_site.ingest import batches
from ncfd_site.ingest.runs import LoadProgress
from securities.loading.listing import read_listings
from signals.loading.ctgov import read_studies
from tests.ingest.conftest import Load
from tests.ingest.studies import Json, jsonl, study
from tests.ingest.test_load_link_audits import as_csv, row

FEW, MANY = 40, 400
# Unused field of each record: a file of MANY records has eight million bytes.
PADDING = "x" * 20_000
# Allowed extra memory: less than half of the extra bytes.
SLACK = 3_000_000


def peak(work: Callable[[], object]) -> int:
    """Return the peak memory of the work in bytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def exhaust(items: Iterator[object]) -> None:
    for _ in items:
        pass


def padded_studies(count: int) -> list[Json]:
    return [{**study(number), "_padding": PADDING} for number in range(1, count + 1)]


def write_lines(folder: Path, count: int) -> Path:
    return jsonl(folder / f"{count}.jsonl", padded_studies(count))


def write_packed_page(folder: Path, count: int) -> Path:
    path = folder / f"{count}.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"studies": padded_studies(count)}).encode()))
    return path


def write_list(folder: Path, count: int) -> Path:
    path = folder / f"list{count}.json"
    rows = [[number, "A company", f"T{number}", "NYSE", PADDING] for number in range(1, count + 1)]
    path.write_text(json.dumps({"fields": ["cik", "name", "ticker", "exchange", "padding"], "data": rows}))
    return path


def write_links(folder: Path, count: int) -> Path:
    return as_csv(folder / f"{count}.csv", [row(nct_id=f"NCT{number:08}", padding=PADDING) for number in range(count)])


Read = Callable[[Path], Iterator[object]]
READERS: dict[str, tuple[Callable[[Path, int], Path], Read]] = {
    "lines": (write_lines, lambda path: read_studies(path, LoadProgress())),
    "page": (write_packed_page, lambda path: read_studies(path, LoadProgress())),
    "tickers": (write_list, read_listings),
    "links": (write_links, read_proposals),
}


@pytest.mark.parametrize("kind", READERS)
def test_reading_uses_constant_memory(tmp_path: Path, kind: str) -> None:
    write, read = READERS[kind]
    few, many = (peak(partial(exhaust, read(write(tmp_path, count)))) for count in (FEW, MANY))
    assert many < few + SLACK


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["ctgov", "link_audits", "sec_tickers"])
def test_loading_uses_constant_memory(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(batches, "SIZE", 20)
    write = {"ctgov": write_lines, "link_audits": write_links, "sec_tickers": write_list}[kind]
    few, many = (peak(partial(load, kind, write(tmp_path, count))) for count in (FEW, MANY))
    assert many < few + SLACK


@pytest.mark.django_db
def test_rejecting_uses_constant_memory(load: Load, tmp_path: Path) -> None:
    paths = [jsonl(tmp_path / f"{count}.jsonl", [study(1), *["{" + PADDING] * count]) for count in (FEW, MANY)]
    few, many = (peak(partial(load, "ctgov", path, rejected=tmp_path / "refused.csv")) for path in paths)
    assert many < few + SLACK
