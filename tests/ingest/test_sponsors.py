"""Matching of sponsors to companies by name."""

from pathlib import Path
from typing import Any

import pytest

from securities.models import Company, CompanyAlias
from signals.models import Trial
from tests.factories import make_company
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
