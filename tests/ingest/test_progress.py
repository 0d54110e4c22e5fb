"""A load shows how far it is: a bar on a terminal, a line now and then elsewhere."""

import io
from pathlib import Path

import pytest

from ncfd_site.core.progress import TerminalReporter
from ncfd_site.ingest.runs import LoadProgress, LoadSummary


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1000)
    return path


def test_a_terminal_gets_a_bar(file: Path) -> None:
    out = Terminal()
    reporter = TerminalReporter(out, "")
    progress = LoadProgress([file, file], reporter)
    progress.add_bytes(500)
    progress.add_records(7)
    progress.add_bytes(1500)
    reporter.end()
    assert "2.00k" in out.getvalue()


def test_elsewhere_there_is_a_line_after_some_time(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    progress = LoadProgress([file], TerminalReporter(out, ""))
    progress.add_bytes(500)
    progress.add_records(1000)
    assert out.getvalue() == ""
    monkeypatch.setattr("ncfd_site.core.progress.LINE_INTERVAL", 0)
    progress.add_records(1000)
    assert out.getvalue().startswith("Loading: 500 of 1,000 bytes, 2,000 records, about ")


def test_an_empty_file_is_read_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    reporter = TerminalReporter(io.StringIO(), "")
    LoadProgress([tmp_path / "empty"], reporter)
    assert reporter.line() == "Loading: 0 bytes"


def test_counts_are_shown_as_a_table() -> None:
    summary = LoadSummary(["trials", "links"])
    summary.add("trials", added=1200, rejected=1)
    summary.notes.append("A note.")
    assert summary.table().splitlines() == [
        "            added    changed  unchanged   rejected",
        "trials      1,200          0          0          1",
        "links           0          0          0          0",
        "A note.",
    ]
    with pytest.raises(ValueError, match="stolen"):
        summary.add("trials", stolen=1)
