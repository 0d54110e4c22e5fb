"""Matching of sponsors to companies by name."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from securities.models import Company, CompanyAlias, ResolverDecision, ResolverFeature, ReviewQueueItem
from signals.models import IngestRun, Trial
from tests.factories import make_company
from tests.ingest import lists
from tests.ingest.conftest import Load
from tests.ingest.studies import jsonl, sponsor, study

pytestmark = pytest.mark.django_db


@pytest.fixture(name="sponsored")
def loads_a_trial_of_a_sponsor(load: Load, tmp_path: Path) -> Any:
    """Return a function that loads a trial of a sponsor and returns its company."""

    def run(name: str | None) -> Company | None:
        outcome = load("ctgov", jsonl(tmp_path / "s.jsonl", [study(sponsorCollaboratorsModule=sponsor(name))]))
        assert outcome.code == 0
        return Trial.objects.get().sponsor_company

    return run


@pytest.mark.parametrize("name", ["Example Therapeutics", "EXAMPLE THERAPEUTICS LLC", "Example Therapeutics, Inc."])
def test_sponsor_matches_the_company_of_its_name(sponsored: Any, name: str) -> None:
    company = make_company(name="Example Therapeutics Inc /DE/")
    make_company(name="Example Therapeutics Holdings, Inc.")
    assert sponsored(name) == company


@pytest.mark.parametrize("name", ["Example", "Example Therapeutics Europe", "University of Example", None])
def test_sponsor_of_another_name_has_no_company(sponsored: Any, name: str | None) -> None:
    make_company(name="Example Therapeutics, Inc.")
    assert sponsored(name) is None


def test_name_without_its_space_matches_with_a_place(sponsored: Any) -> None:
    company = make_company(name="Exampletherapeutics, Inc.")
    assert sponsored("Example Therapeutics Germany") == company


def test_ambiguous_sponsor_has_no_company(sponsored: Any) -> None:
    make_company(name="Example Therapeutics, Inc.")
    make_company(name="Example Therapeutics plc")
    assert sponsored("Example Therapeutics") is None


def test_former_name_matches(sponsored: Any) -> None:
    company = make_company(name="Renamed Bio, Inc.")
    for alias, kind in [("Example Therapeutics, Inc.", "former_name"), ("Othermab", "brand")]:
        CompanyAlias.objects.create(company=company, alias=alias, alias_norm=alias.lower(), alias_type=kind)
    assert sponsored("Example Therapeutics") == company
    assert sponsored("Othermab") is None


def test_former_name_that_another_company_has_does_not_match(sponsored: Any) -> None:
    company = make_company(name="Renamed Bio, Inc.")
    CompanyAlias.objects.create(company=company, alias="Example, Inc.", alias_norm="example", alias_type="former_name")
    make_company(name="Example Corp")
    assert sponsored("Example") is None


def test_later_companies_match_when_records_are_loaded_again(sponsored: Any) -> None:
    assert sponsored("Example Therapeutics") is None
    company = make_company(name="Example Therapeutics, Inc.")
    assert sponsored("Example Therapeutics") == company


def test_company_assigned_by_others_is_kept(sponsored: Any) -> None:
    sponsored("Example Therapeutics")
    decided = make_company(name="Parent of Example, Inc.")
    Trial.objects.update(sponsor_company=decided)
    make_company(name="Example Therapeutics, Inc.")
    assert sponsored("Example Therapeutics, Inc.") == decided
    assert sponsored(None) == decided
    assert sponsored("Unknown Ltd") == decided


def test_company_of_a_former_sponsor_is_replaced(sponsored: Any) -> None:
    company = make_company(name="Example Therapeutics, Inc.")
    assert sponsored("Example Therapeutics") == company
    assert sponsored("Unknown Ltd") is None
    assert sponsored("Example Therapeutics") == company


ZYMEWORKS: list[lists.Row] = [
    (1403752, "Zymeworks Inc.", "ZYME", "NYSE"),
    (1937653, "Zymeworks Inc.", "ZYME", "Nasdaq"),
]  # fmt: skip


def trial_of(number: int, name: str) -> dict[str, Any]:
    return study(number, sponsorCollaboratorsModule=sponsor(name))


def companies() -> dict[Any, int | None]:
    return dict(Trial.objects.order_by("nct_id").values_list("sponsor_text", "sponsor_company__cik"))


def test_trials_of_a_company_that_registers_again_move_to_the_new_one(load: Load, tmp_path: Path) -> None:
    load("sec_tickers", lists.as_csv(tmp_path / "a.csv", ZYMEWORKS[0]), as_of="2022-05-19")
    load("ctgov", jsonl(tmp_path / "a.jsonl", [trial_of(1, "Zymeworks Inc.")]))
    load("sec_tickers", lists.as_csv(tmp_path / "b.csv", ZYMEWORKS[1]), as_of="2023-02-03")
    load("ctgov", jsonl(tmp_path / "b.jsonl", [trial_of(2, "Zymeworks Inc")]))
    assert list(Trial.objects.values_list("sponsor_company__cik", flat=True)) == [1937653, 1937653]


def test_loaded_names_of_subsidiaries_match_and_similar_names_wait_for_a_reviewer(load: Load, tmp_path: Path) -> None:
    rows: list[lists.Row] = [
        (1121404, "Sanofi", "SNY", "Nasdaq"), (1, "GAIA, INC", "GAIA", "Nasdaq"),
        (2, "Fourth Pharma Holdings", "FOUR", "NYSE"),
    ]  # fmt: skip
    outcome = load("sec_tickers", lists.as_csv(tmp_path / "a.csv", *rows))
    assert "names of subsidiaries and brands were added" in outcome.out
    names = ["Genzyme, a Sanofi Company", "Sanofi Pasteur", "Gaia AG", "Fourth Pharma Ltd", "Fourth Unit",
             "Gaia University", "Unknown"]  # fmt: skip
    path = jsonl(tmp_path / "s.jsonl", [trial_of(number, name) for number, name in enumerate(names, 1)])
    load("ctgov", path)
    expected: dict[str, int | None] = {**dict.fromkeys(names), names[0]: 1121404, names[1]: 1121404}
    assert companies() == expected
    gaia, fourth = ReviewQueueItem.objects.order_by("nct_id")
    assert (gaia.sponsor_text, gaia.sponsor_text_norm, gaia.status, gaia.reason) == (
        "Gaia AG", "gaia", "pending", "similar name"
    )  # fmt: skip
    company = Company.objects.get(cik=1)
    (candidate,) = gaia.candidates
    assert (candidate["company_id"], candidate["name"], candidate["score"]) == (company.pk, "GAIA, INC", 1)
    feature = ResolverFeature.objects.get(nct_id=gaia.nct_id)
    assert (feature.company, feature.run_id, float(feature.score_precal or 0)) == (company, gaia.run_id, 1)
    assert feature.features_jsonb["same_legal_form"] is False
    assert fourth.candidates[0]["name"] == "Fourth Pharma Holdings"
    # Again: nothing is proposed twice. Then names of a file, and the decision of a reviewer.
    load("ctgov", path)
    call_command("match_sponsors", stdout=StringIO())
    assert ReviewQueueItem.objects.count() == ResolverFeature.objects.count() == 2
    aliases = tmp_path / "aliases.csv"
    aliases.write_text(
        "sponsor,cik,relation,source\nFourth Unit,2,subsidiary,https://example.org/ex21\nNo,3,brand,x\n"
        "No,2,friend,x\nNo,2,brand,\n,2,brand,x\nNo,x,brand,x\nFourth Unit,2,subsidiary,again\n"
    )
    outcome = load("aliases", aliases)
    assert (outcome.code, outcome.row("aliases")) == (3, (1, 0, 1, 5))
    assert f"{aliases}, line 3: no company has CIK 3: load the SEC's ticker list first" in outcome.err
    assert f"{aliases}, line 4: the relation is 'friend': expected one of subsidiary, brand" in outcome.err
    ResolverDecision.objects.create(
        run_id="desk", nct_id=gaia.nct_id, sponsor_text="Gaia AG", sponsor_text_norm="gaia", company=company,
        match_type="human", decided_by="human",
    )  # fmt: skip
    out = StringIO()
    call_command("match_sponsors", stdout=out)
    assert out.getvalue() == "2 trials matched, 0 moved to a successor, 0 queued for review.\n"
    assert companies() == {**expected, "Gaia AG": 1, "Fourth Unit": 2}
    assert set(ReviewQueueItem.objects.values_list("sponsor_text", "status")) == {
        ("Gaia AG", "resolved"), ("Fourth Pharma Ltd", "pending")
    }  # fmt: skip
    run = IngestRun.objects.filter(source="sponsor_aliases").latest("pk")
    call_command("revert_load", str(run.pk), stdout=StringIO())
    assert not CompanyAlias.objects.filter(alias="Fourth Unit").exists()
