"""Loading of folders with files of every kind."""

import gzip
import json
from pathlib import Path

import pytest
from django.db import connection

from linkaudit.models import LinkAudit
from ncfd_site.core import demo_flag, sql
from securities.models import Company
from signals.models import Trial
from tests.ingest import lists
from tests.ingest.conftest import Load
from tests.ingest.studies import jsonl, study
from tests.ingest.test_load_link_audits import as_csv, row

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file of each kind under neutral names, and two unrecognized files."""
    folder = tmp_path / "data"
    folder.mkdir()
    jsonl(folder / "a.jsonl.gz", [study(1), study(2)])
    links = as_csv(folder / "b.csv", [row()])
    (folder / "b.csv.gz").write_bytes(gzip.compress(links.read_bytes()))
    links.unlink()
    lists.as_csv(folder / "c.csv", lists.EXAMPLE)
    (folder / "README.md").write_text("# About\n")
    (folder / "other.csv").write_text("a,b\n1,2\n")
    (folder / ".hidden.json").write_text("{}")
    return folder


def test_recognized_files_are_loaded_and_others_are_listed(load: Load, folder: Path) -> None:
    outcome = load("data", folder)
    assert outcome.code == 0
    assert (Company.objects.count(), Trial.objects.count()) == (1, 2)
    assert set(LinkAudit.objects.values_list("heuristic_applied", flat=True)) == {"HP-2", "TRN-abstract"}
    assert "Not known, not loaded: README.md, other.csv\n" in outcome.out


def test_companies_are_loaded_before_trials(load: Load, folder: Path) -> None:
    load("data", folder)
    company = Company.objects.get()
    assert set(Trial.objects.values_list("sponsor_company_id", flat=True)) == {company.company_id}


def test_repeated_load_changes_nothing(load: Load, folder: Path) -> None:
    load("data", folder)
    outcome = load("data", folder)
    assert outcome.code == 0
    assert outcome.row("trials") == (0, 0, 2, 0)
    assert outcome.row("securities") == (0, 0, 1, 0)


def test_json_of_every_kind_is_recognized(load: Load, tmp_path: Path) -> None:
    lists.as_json(tmp_path / "a.json", lists.EXAMPLE)
    jsonl(tmp_path / "b.jsonl", ["{broken", row()])
    (tmp_path / "c.json").write_text(json.dumps({"studies": [study(1)]}))
    outcome = load("data", tmp_path)
    assert outcome.code == 3
    assert "b.jsonl, line 1: not JSON" in outcome.err
    assert (Company.objects.count(), Trial.objects.count(), LinkAudit.objects.count()) == (1, 1, 2)


def test_demonstration_database_is_rejected(load: Load, folder: Path) -> None:
    demo_flag.clear_cache()
    sql.execute(f"COMMENT ON DATABASE {connection.settings_dict['NAME']} IS '{demo_flag.DEMONSTRATION}'")
    try:
        outcome = load("data", folder)
    finally:
        demo_flag.clear_cache()
    assert outcome.code == 2
    assert "This database holds the demonstration" in outcome.message
    assert "NCFD_HOME=" in outcome.message
    assert Trial.objects.count() == 0


def test_two_ticker_lists_are_rejected(load: Load, folder: Path) -> None:
    lists.as_json(folder / "d.json", lists.SAMPLE)
    outcome = load("data", folder)
    assert outcome.code == 2
    assert "c.csv" in outcome.message
    assert "d.json" in outcome.message
    assert not Trial.objects.exists()


@pytest.mark.parametrize("name", ["none", "README.md", ""])
def test_folder_without_loadable_files_is_rejected(load: Load, tmp_path: Path, name: str) -> None:
    (tmp_path / "README.md").write_text("# About\n")
    outcome = load("data", tmp_path / name)
    assert outcome.code == 2
    assert len(outcome.message.splitlines()) == 1
