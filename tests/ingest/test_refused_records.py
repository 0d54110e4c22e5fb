"""Rejected records: reported with file, line and reason; the rest is loaded."""

import csv
import hashlib
import json
from pathlib import Path

import pytest

from linkaudit.models import Asset
from ncfd_site.config.errors import ExitCode
from ncfd_site.ingest import batches
from ncfd_site.ingest.load_command import LoadCommand
from ncfd_site.ingest.records import PRINTED
from signals.models import IngestRun, Trial
from tests.ingest.conftest import Load
from tests.ingest.studies import (
    Json,
    interventions,
    jsonl,
    sponsor,
    status,
    study,
)

pytestmark = pytest.mark.django_db

BAD = {
    "{": "not JSON",
    "[1, 2]": "not a study",
    json.dumps({"protocolSection": {}}): "nctId",
    json.dumps(study(statusModule=status(posted="2024-13-45"))): "not a date",
    json.dumps(study(sponsorCollaboratorsModule=sponsor("x" * 501))): "501 characters",
    json.dumps(study(sponsorCollaboratorsModule=sponsor("a\0b"))): "NUL",
    json.dumps(study(sponsorCollaboratorsModule=sponsor("\ud800"))): "surrogate",
    json.dumps(study(armsInterventionsModule=interventions("x" * 900))): "900 characters",
}


def test_invalid_records_are_reported_and_the_rest_is_loaded(load: Load, tmp_path: Path) -> None:
    records: list[Json | str] = [study(1), *BAD, study(2)]
    path = jsonl(tmp_path / "studies.jsonl", records)
    outcome = load("ctgov", path)
    assert outcome.code == 3
    assert outcome.message == f"{len(BAD)} records were rejected; all others are loaded."
    assert outcome.row("trials") == (2, 0, 0, len(BAD))
    for number, reason in enumerate(BAD.values(), start=2):
        (line,) = [line for line in outcome.err.splitlines() if f"{path}, line {number}: " in line]
        assert reason in line
    assert IngestRun.objects.get().total_returned == len(records)


def test_invalid_utf8_is_rejected(load: Load, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "studies.jsonl", [study(1)])
    path.write_bytes(path.read_bytes() + b'{"protocolSection": "\xff"}\n' + json.dumps(study(2)).encode())
    outcome = load("ctgov", path)
    assert outcome.code == 3
    assert f"{path}, line 2: not UTF-8" in outcome.err
    assert Trial.objects.count() == 2


def test_first_rejections_are_shown_and_all_are_in_the_file(load: Load, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "studies.jsonl", [study(1), *["{}"] * 50])
    outcome = load("ctgov", path, rejected=tmp_path / "refused.csv")
    shown = outcome.err.splitlines()
    assert len(shown) == PRINTED + 1
    assert shown[-1].startswith("rejected: 30 more")
    with (tmp_path / "refused.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["line"]) for row in rows] == list(range(2, 52))
    assert {(row["file"], row["reason"]) for row in rows} == {(str(path), "not a study: protocolSection is missing")}


def test_record_that_the_database_rejects_does_not_stop_its_batch(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Hashes do not compress, so the index entry exceeds a page.
    long = "".join(hashlib.sha256(bytes([number])).hexdigest() for number in range(150))
    monkeypatch.setattr("linkaudit.loading.hp2.MAX_LENGTH", 10_000)
    monkeypatch.setattr("signals.loading.record_text.MAX_NAME_LENGTH", 10_000)
    records = [study(number, armsInterventionsModule=interventions(f"Number{number}mab")) for number in range(1, 8)]
    records[4] = study(5, armsInterventionsModule=interventions(long))
    path = jsonl(tmp_path / "studies.jsonl", records)
    outcome = load("ctgov", path)
    assert outcome.code == 3
    assert outcome.row("trials") == (6, 0, 0, 1)
    assert f"{path}, line 5: the database refuses it: " in outcome.err
    assert not Trial.objects.filter(nct_id="NCT00000005").exists()
    assert Asset.objects.count() == 6
    assert len(records) <= batches.SIZE


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.csv", "cik,name,ticker,exchange\n1,Example,EXMP,NYSE\n"),
        ("list.json", '{"fields": ["cik"], "data": [[1]]}'),
        ("links.jsonl", '{"heuristic": "HP-1"}\n'),
        ("empty.jsonl", ""),
        ("prose.json", "Dear Sir or Madam"),
        ("broken.jsonl.gz", "\x1f\x8bnot really"),
    ],
)
def test_another_format_is_rejected(load: Load, tmp_path: Path, name: str, text: str) -> None:
    good = jsonl(tmp_path / "good.jsonl", [study(1)])
    (tmp_path / name).write_bytes(text.encode("latin-1"))
    outcome = load("ctgov", good, tmp_path / name)
    assert outcome.code == 2
    assert name in outcome.message
    assert len(outcome.message.splitlines()) == 1
    assert not Trial.objects.exists()
    assert not IngestRun.objects.exists()


def test_missing_path_and_empty_folder_are_rejected(load: Load, tmp_path: Path) -> None:
    assert load("ctgov", tmp_path / "none").message == f"There is no file {tmp_path / 'none'}."
    (tmp_path / "empty").mkdir()
    outcome = load("ctgov", tmp_path / "empty")
    assert (outcome.code, outcome.message) == (
        2,
        f"The folder {tmp_path / 'empty'} holds no file with the suffix .jsonl, .ndjson, .json, .zip.",
    )


def test_wrong_file_in_a_folder_is_rejected_and_the_rest_is_loaded(load: Load, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    jsonl(folder / "a.jsonl", [study(1)])
    (folder / "b.json").write_text("not json")
    jsonl(folder / "c.jsonl", [study(2)])
    outcome = load("ctgov", folder)
    assert outcome.code == 3
    assert Trial.objects.count() == 2
    assert "b.json, line 1" in outcome.err


def test_unwritable_rejections_file_stops_the_load_first(load: Load, tmp_path: Path) -> None:
    outcome = load("ctgov", jsonl(tmp_path / "s.jsonl", [study(1)]), rejected=tmp_path / "no" / "such" / "file.csv")
    assert outcome.code == 2
    assert "Cannot write" in outcome.message
    assert not Trial.objects.exists()


def test_full_disk_is_reported_in_a_sentence(load: Load, tmp_path: Path, content_root: Path) -> None:
    content_root.write_text("a file where the folder should be")
    outcome = load("ctgov", jsonl(tmp_path / "s.jsonl", [study(1)]))
    assert outcome.code == ExitCode.FAILED
    assert outcome.message.endswith(LoadCommand.when_interrupted)
    assert not Trial.objects.exists()
