"""Proposals of other heuristics become links with their documents, assets and labels, each once."""

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from linkaudit.models import Asset, LinkAudit
from ncfd_site.core import sql
from signals.models import IngestRun
from storage.content.local import LocalContentStore
from storage.models import Document, DocumentTextPage
from tests.ingest.conftest import Load
from tests.ingest.studies import interventions, jsonl, study

pytestmark = pytest.mark.django_db
URL = "https://pubmed.ncbi.nlm.nih.gov/123456/"
ROW = {
    "source_type": "Paper",
    "source_url": URL,
    "title": "A trial of examplumab",
    "publisher": "Journal of Examples",
    "year": "2021",
    "nct_id": "NCT00000001",
    "asset": "Examplumab",
    "link_type": "publication_reports_trial",
    "heuristic": "TRN-abstract",
    "confidence": "0.80",
    "evidence": '{"registration_number_in": ["abstract"]}',
    "label": "",
    "label_source": "",
}


def row(**fields: Any) -> dict[str, Any]:
    return {**ROW, **fields}


def labeled_row(label: str, source: str = "external_validation", **fields: Any) -> dict[str, Any]:
    return row(label=label, label_source=source, **fields)


def as_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(name="proposed")
def loads_proposals(load: Load, tmp_path: Path) -> Any:
    """Load proposals from a CSV file."""

    def run(*rows: dict[str, Any]) -> Any:
        return load("link_audits", as_csv(tmp_path / "links.csv", list(rows)))

    return run


def test_a_proposal_becomes_a_link(proposed: Any) -> None:
    outcome = proposed(row())
    assert outcome.code == 0
    assert outcome.row("links") == outcome.row("documents") == outcome.row("assets") == (1, 0, 0, 0)
    link = LinkAudit.objects.get()
    assert (link.nct_id, link.heuristic_applied, link.link_type) == (
        "NCT00000001",
        "TRN-abstract",
        "publication_reports_trial",
    )
    assert str(link.confidence) == "0.80"
    assert link.evidence_jsonb == {"registration_number_in": ["abstract"]}
    assert link.asset.name == "Examplumab"
    assert (link.label, link.label_source, link.reviewed_at) == (None, None, None)


def test_its_document_is_the_citation(proposed: Any, content_root: Path) -> None:
    proposed(row())
    document = Document.objects.get()
    assert (document.source_type, document.source_url, document.status) == ("Paper", URL, "discovered")
    assert (document.publisher, document.fetched_at) == ("Journal of Examples", None)
    assert document.published_at == datetime(2021, 1, 1, tzinfo=UTC)
    text = DocumentTextPage.objects.get().text
    assert text == f"A trial of examplumab\nJournal of Examples, 2021\n{URL}\n"
    assert LocalContentStore(content_root).read(document.storage_uri) == text.encode()
    assert document.object is not None
    assert document.object.refcount == 1
    assert sql.value("SELECT pmid FROM document_citations WHERE doc_id = %s", [document.doc_id]) == "123456"


def test_json_lines_are_taken_too(load: Load, tmp_path: Path) -> None:
    rows = [
        row(evidence={"a": [1]}, label=True, label_source="gold_standard", confidence=0.5, year=2021),
        row(nct_id="NCT00000002", asset=None),
    ]
    assert load("link_audits", jsonl(tmp_path / "links.jsonl.gz", rows)).code == 0
    assert list(LinkAudit.objects.order_by("nct_id").values_list("label", "confidence")[0]) == [True, 0.5]


def test_one_document_for_an_address_and_one_asset_for_a_name(proposed: Any) -> None:
    outcome = proposed(row(), row(heuristic="REG-result"), row(nct_id="NCT00000002", asset="EXAMPLUMAB"))
    assert outcome.row("links") == (3, 0, 0, 0)
    assert Document.objects.count() == Asset.objects.count() == 1


def test_links_without_an_asset_get_a_placeholder_asset(proposed: Any) -> None:
    proposed(row(asset=""), row(asset="", nct_id="NCT00000002"))
    assert Asset.objects.get().name == "unspecified"


def test_assets_of_registry_records_are_found(load: Load, proposed: Any, tmp_path: Path) -> None:
    load("ctgov", jsonl(tmp_path / "s.jsonl", [study(armsInterventionsModule=interventions("Examplumab 10 mg"))]))
    proposed(row())
    assert Asset.objects.count() == 1


def test_a_label_comes_with_its_source_and_time(proposed: Any) -> None:
    proposed(labeled_row("true"), labeled_row("False", "gold_standard", nct_id="NCT00000002"))
    external, gold = LinkAudit.objects.order_by("nct_id")
    assert (external.label, external.label_source, external.reviewed_by) == (True, "external_validation", None)
    assert (gold.label, gold.label_source) == (False, "gold_standard")
    assert external.reviewed_at is not None
    assert abs(timezone.now() - external.reviewed_at) < timedelta(minutes=1)


def test_who_reviewed_and_when_are_taken_where_they_are_given(proposed: Any) -> None:
    given = {"reviewed_by": "rita", "reviewed_at": "2025-03-04T05:06:07+02:00", "review_notes": "seen"}
    proposed(labeled_row("true", "human_review", **given))
    link = LinkAudit.objects.get()
    assert (link.reviewed_by, link.review_notes) == ("rita", "seen")
    assert link.reviewed_at == datetime(2025, 3, 4, 3, 6, 7, tzinfo=UTC)


def test_the_same_again_is_left(proposed: Any) -> None:
    rows = [row(), labeled_row("true", nct_id="NCT00000002")]
    proposed(*rows)
    before = list(LinkAudit.objects.values())
    outcome = proposed(*rows)
    assert outcome.row("links") == (0, 0, 2, 0)
    assert outcome.row("labels")[:2] == (0, 0)
    assert list(LinkAudit.objects.values()) == before


def test_the_same_twice_in_a_file_is_one_and_its_label_counts(proposed: Any) -> None:
    outcome = proposed(row(), row(), labeled_row("true", asset="Examplumab 10 mg"))
    assert outcome.row("links") == (1, 1, 1, 0)
    assert LinkAudit.objects.get().label is True


def test_a_label_that_comes_later_is_added(proposed: Any) -> None:
    proposed(row())
    outcome = proposed(labeled_row("false"))
    assert outcome.row("links") == (0, 1, 0, 0)
    assert outcome.row("labels")[0] == 1
    assert LinkAudit.objects.get().label is False
    proposed(row())
    assert LinkAudit.objects.get().label is False


@pytest.mark.parametrize(
    ("had", "brings", "kept"),
    [
        ("human_review", "human_review", True),
        ("human_review", "gold_standard", True),
        ("human_review", "external_validation", True),
        ("gold_standard", "external_validation", True),
        ("gold_standard", "human_review", False),
        ("gold_standard", "gold_standard", False),
        ("external_validation", "external_validation", False),
        ("external_validation", "human_review", False),
    ],
)
def test_a_label_only_gives_way_to_one_that_counts_as_much(proposed: Any, had: str, brings: str, kept: bool) -> None:
    proposed(row())
    LinkAudit.objects.update(label=True, label_source=had, reviewed_by="rita")
    outcome = proposed(labeled_row("false", brings))
    assert LinkAudit.objects.get().label is kept
    assert ("1 labels differ" in outcome.out) is kept
    assert outcome.code == 0


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"source_type": "Blog"}, "source_type 'Blog' is not one of"),
        ({"source_url": "ftp://example.org/x"}, "is not an http or https URL"),
        ({"source_url": "javascript:alert(1)"}, "is not an http or https URL"),
        ({"source_url": ""}, "missing source_url"),
        ({"source_url": "https://example.org/" + "x" * 2000}, "source_url has 2,020 characters"),
        ({"nct_id": "DRKS00000001"}, "nct_id 'DRKS00000001' is not an NCT ID"),
        ({"heuristic": ""}, "missing heuristic"),
        ({"link_type": ""}, "missing link_type"),
        ({"confidence": "1.01"}, "confidence '1.01'"),
        ({"confidence": "NaN"}, "confidence 'NaN'"),
        ({"confidence": "high"}, "confidence 'high'"),
        ({"evidence": "{"}, "evidence is not JSON"),
        ({"evidence": "[1]"}, "evidence is not a JSON object"),
        ({"evidence": '{"a": "\\u0000"}'}, "NUL"),
        ({"label": "maybe"}, "label 'maybe'"),
        ({"label": "true"}, "label_source ''"),
        ({"label": "true", "label_source": "rumour"}, "label_source 'rumour'"),
        ({"year": "21"}, "year '21'"),
        ({"asset": "x" * 501}, "asset has 501 characters"),
    ],
)
def test_a_bad_row_is_refused_with_the_reason_and_the_rest_is_loaded(
    proposed: Any, fields: dict[str, str], reason: str
) -> None:
    outcome = proposed(row(nct_id="NCT00000001"), row(**fields), row(nct_id="NCT00000002"))
    assert outcome.code == 3
    assert outcome.row("links") == (2, 0, 0, 1)
    assert "links.csv, line 3: " in outcome.err
    assert reason in outcome.err


@pytest.mark.parametrize("name", ["links.csv", "links.jsonl"])
@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", json.dumps(study()) + "\n", "\x00\xff"])
def test_another_format_is_reported(load: Load, tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    outcome = load("link_audits", tmp_path / name)
    assert outcome.code == 2
    assert name in outcome.message
    assert not IngestRun.objects.exists()
