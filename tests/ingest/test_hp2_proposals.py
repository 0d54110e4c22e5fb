"""HP-2: each drug that the registry lists for an interventional trial is proposed once, with what a reviewer needs."""

from pathlib import Path
from typing import Any

import pytest

from linkaudit.models import Asset, AssetAlias, LinkAudit
from signals.models import Trial
from storage.models import Document, DocumentTextPage
from tests.ingest.conftest import Load
from tests.ingest.studies import (
    Json,
    interventions,
    jsonl,
    study,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(name="listing")
def loads_interventions(load: Load, tmp_path: Path) -> Any:
    """Load one trial for each list of interventions."""

    def run(*lists: Json, **modules: Json) -> Any:
        records = [study(n, armsInterventionsModule=one, **modules) for n, one in enumerate(lists, start=1)]
        outcome = load("ctgov", jsonl(tmp_path / "studies.jsonl", records))
        assert outcome.code == 0
        return outcome

    return run


def proposed() -> list[tuple[str, str]]:
    """Trial and asset of every proposal."""
    return [(link.nct_id or "", link.asset.name) for link in LinkAudit.objects.order_by("nct_id", "audit_id")]


def test_drugs_biologics_and_untyped_are_proposed_and_others_are_not(listing: Any) -> None:
    listing(
        interventions(
            ("DRUG", "Examplumab"),
            ("BIOLOGICAL", "Examplecel"),
            "Otherinib",
            ("DEVICE", "Pump"),
            ("DRUG", "Placebo"),
            "Standard of Care",
            ("BEHAVIORAL", "Walking"),
            ("DRUG", "Examplumab 10 mg"),
        )
    )
    assert proposed() == [("NCT00000001", name) for name in ("Examplumab", "Examplecel", "Otherinib")]


@pytest.mark.parametrize("kind", ["OBSERVATIONAL", "EXPANDED_ACCESS", None])
def test_only_interventional_trials_count(listing: Any, kind: str | None) -> None:
    listing(interventions(("DRUG", "Examplumab")), designModule={"studyType": kind} if kind else {})
    assert Trial.objects.count() == 1
    assert not LinkAudit.objects.exists()
    assert not Asset.objects.exists()


def test_a_proposal_is_open_and_as_sure_as_the_heuristic(listing: Any) -> None:
    listing(interventions("Examplumab"))
    link = LinkAudit.objects.get()
    assert (link.heuristic_applied, str(link.confidence), link.link_type) == ("HP-2", "0.95", "intervention_of_trial")
    assert (link.label, link.label_source, link.reviewed_by, link.promotion_status) == (None, None, None, "pending")


def test_the_evidence_quotes_the_very_place(listing: Any) -> None:
    listing(interventions("Otherinib \U0001f600", ("DRUG", "Examplumab 10 mg")))
    link = LinkAudit.objects.get(asset__names_jsonb__name="Examplumab")
    evidence, document = link.evidence_jsonb, link.doc
    page = DocumentTextPage.objects.get(doc=document, page_no=evidence["page_no"])
    assert page.text[evidence["char_start"] : evidence["char_end"]] == evidence["quote"] == "Examplumab 10 mg"
    assert evidence["matched_alias"] == "examplumab"
    assert evidence["intervention_type"] == "DRUG"
    assert evidence["nct_id"] == "NCT00000001"
    assert evidence["source_url"] == document.source_url
    assert evidence["registry_version"] == Trial.objects.get().current_sha256
    assert evidence["last_update_posted"] == "2024-05-01"


def test_one_asset_for_each_name_however_it_is_spelt(listing: Any) -> None:
    outcome = listing(
        interventions("Examplumab"),
        interventions("EXAMPLUMAB"),
        interventions("examplumab 20 mg tablets"),
        interventions("EX-101"),
    )
    assert outcome.row("assets") == (2, 0, 0, 0)
    assert proposed() == [(f"NCT0000000{n}", name) for n, name in enumerate(["Examplumab"] * 3 + ["EX-101"], start=1)]
    aliases = AssetAlias.objects.filter(asset__names_jsonb__name="Examplumab")
    assert set(aliases.values_list("alias_norm", flat=True)) == {"examplumab", "examplumab 20 mg tablets"}
    assert AssetAlias.objects.get(alias="EX-101").alias_type == "code"


def test_an_alias_of_another_program_is_known(listing: Any) -> None:
    asset = Asset.objects.create(names_jsonb={"inn": "examplumab"})
    AssetAlias.objects.create(asset=asset, alias="EX-101", alias_norm="ex-101", alias_type="code")
    outcome = listing(interventions("EX-101 50 mg"))
    assert outcome.row("assets") == (0, 0, 0, 0)
    assert LinkAudit.objects.get().asset == asset


def test_nothing_is_proposed_again(listing: Any) -> None:
    listing(interventions("Examplumab"), interventions("Examplumab"))
    LinkAudit.objects.update(label=False, label_source="human_review")
    before = list(LinkAudit.objects.values())
    outcome = listing(interventions("Examplumab", "Placebo"), interventions("examplumab"))
    assert outcome.row("links")[:2] == (0, 0)
    assert list(LinkAudit.objects.values()) == before
    assert Asset.objects.count() == 1
    assert Document.objects.count() == 4
