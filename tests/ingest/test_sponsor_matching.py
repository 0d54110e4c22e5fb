"""Matching of sponsors: kinds of names, and precision and recall on labeled sponsors of the registry."""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from securities.loading.aliases import BUNDLED, RELATIONS
from securities.loading.matching import CompanyName, SponsorMatcher
from securities.loading.names import normalize_company_name

DATA = Path(__file__).parent / "data"


def read(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


@pytest.fixture(scope="module")
def listed() -> SponsorMatcher:
    """Return the matcher of labeled companies, of those with the same first word, and of the bundled names."""
    names = [CompanyName(int(row["cik"]), row["name"], "name", True) for row in read(DATA / "sec_companies.csv")]
    for row in read(BUNDLED):
        kind = "aka" if row["relation"] == "former_name" else row["relation"]
        names.append(CompanyName(int(row["cik"]), row["sponsor"], kind, True))
    return SponsorMatcher.build(names)


def test_precision_and_recall_on_labeled_sponsors(listed: SponsorMatcher) -> None:
    trials: Counter[str] = Counter()
    wrong = []
    labels = list(read(DATA / "sponsor_labels.csv"))
    for row in labels:
        label, found = int(row["cik"] or 0), listed.match(row["sponsor"]) or 0
        outcome = "right" if found == label else "wrong" if found else "missed"
        if found or label:
            trials[outcome] += int(row["trials"])
        if outcome != "right":
            wrong.append((outcome, row["sponsor"], found))
    assert len(labels) >= 300
    assert trials["right"] / (trials["right"] + trials["wrong"]) >= 0.995, wrong
    assert trials["right"] / sum(trials.values()) >= 0.97, wrong
    assert Counter(row["kind"] for row in labels).keys() == {
        "exact", "suffix", "subsidiary", "unlisted", "lookalike", "private", "academic", "none"
    }  # fmt: skip


def test_bundled_names_have_a_source_and_are_unique() -> None:
    rows = list(read(BUNDLED))
    assert sum(row["relation"] == "subsidiary" for row in rows) >= 60
    assert all(row["source"].startswith("https://www.sec.gov/") for row in rows)
    assert {row["relation"] for row in rows} <= set(RELATIONS)
    companies: dict[str, set[str]] = {}
    for row in rows:
        companies.setdefault(normalize_company_name(row["sponsor"]), set()).add(row["cik"])
    assert [name for name, ciks in companies.items() if len(ciks) > 1] == []


NAMES: list[tuple[int, str, str, bool]] = [
    (1, "Examplis Therapeutics, Inc.", "name", True),
    (2, "OTHERMAB CORP", "name", True),
    (3, "GAIA, INC", "name", True),
    (4, "Third Bio PUBLIC LTD CO", "name", True),
    (5, "Fourth Pharma Holdings plc", "name", True),
    (6, "Asana, Inc.", "name", True),
    (7, "Oldname Therapeutics", "former_name", True),
    (8, "Formerly Inc", "former_name", True),
    (9, "Again Bio Inc.", "name", False),
    (10, "Again Bio, Inc.", "name", True),
    (11, "Janssen", "brand", True),
    (12, "Merck & Co., Inc.", "name", True),
    (13, "Twice Pharma Inc", "name", True),
    (14, "Twice Pharma plc", "name", True),
    (15, "AstraZeneca PLC", "name", True),
    (16, "Polaris Inc.", "name", True),
    (17, "Sixthvax Therapeutics Corp", "name", True),
    (18, "Seventhex Inc", "name", True),
    (18, "Seventhex", "short", True),
]


@pytest.mark.parametrize(
    ("sponsor", "company"),
    [
        ("Examplis Therapeutics", 1),
        ("Kept, an Examplis Therapeutics Company", 1),
        ("Kept Inc. - an Examplis Therapeutics company", 1),
        ("Kept is now a wholly owned subsidiary of Othermab", 2),
        ("Kept LLC, a subsidiary of Merck & Co., Inc. (Rahway, New Jersey USA)", 12),
        ("Kept now part of Othermab", 2),
        ("Kept's unit has merged with That to form Othermab Corp.", 2),
        ("Othermab Corp (f/k/a Kept Inc.", 2),
        ("Kept, Inc., formerly Examplis Therapeutics, Inc.", 1),
        ("Kept, Inc., d/b/a KPT (Examplis Therapeutics)", 1),
        ("Kept, a Janssen company", 11),
        ("Janssen Research & Development, LLC", 11),
        ("Janssen-Cilag International NV", 11),
        ("Janssen Infectious Diseases BVBA", 11),
        ("Janssen University Hospital", None),
        ("Kept (formerly That), a member of the Janssen group of companies", 11),
        ("Sixthvax Inc.", 17),
        ("Sixthvax", None),
        ("Seventhex Pharma Inc.", 18),
        ("Seventhex Endovascular, Inc.", None),
        ("Examplis Therapeutics (Shanghai) Co., Ltd.", 1),
        ("Examplis Therapeutics France SAS", 1),
        ("Shanghai Examplis Therapeutics Co., Ltd.", 1),
        ("Othermab Japan KK", 2),
        ("Third Bio plc", 4),
        ("Third Bio AKTIENGESELLSCHAFT", 4),
        ("Astra Zeneca", 15),
        ("Again Bio", 10),
        ("Oldname Therapeutics, Inc.", 7),
        ("Merck Sharp & Dohme", None),
        ("Merck KGaA, Darmstadt, Germany", None),
        ("Merck KGaA", None),
        ("Gaia AG", None),
        ("Gaia", 3),
        ("Gaia Corporation", 3),
        ("Formerly Inc", None),
        ("Fourth Pharma Ltd", None),
        ("Asana BioSciences", None),
        ("Polaris Pharmaceuticals", None),
        ("Examplis University Hospital", None),
        ("Examplis", None),
        ("Twice Pharma", None),
        ("Kept, a Missing Company", None),
        ("A Company", None),
        ("", None),
        (None, None),
    ],
)
def test_kinds_of_names(sponsor: str | None, company: int | None) -> None:
    matcher = SponsorMatcher.build(CompanyName(*row) for row in NAMES)
    assert matcher.match(sponsor) == company


@pytest.mark.parametrize(
    ("sponsor", "company", "kind"),
    [
        ("Gaia AG", 3, "name"),
        ("Formerly", 8, "former_name"),
        ("Fourth Pharma Ltd", 5, "name"),
        ("Exampliz Therapeutics", 1, "name"),
    ],
)
def test_similar_names_are_proposals(sponsor: str, company: int, kind: str) -> None:
    matcher = SponsorMatcher.build(CompanyName(*row) for row in NAMES)
    assert matcher.match(sponsor) is None
    (candidate,) = matcher.propose(sponsor)
    assert (candidate.company_id, candidate.features["kind"], candidate.features["is_listed"]) == (company, kind, True)
    assert 0.86 <= candidate.score <= 1
    assert matcher.propose("Cairo University") == []


def test_a_decision_of_a_reviewer_holds(listed: SponsorMatcher) -> None:
    matcher: Any = SponsorMatcher.build(CompanyName(*row) for row in NAMES)
    matcher.decided = {normalize_company_name("Gaia AG"): 3, normalize_company_name("Othermab"): None}
    assert (matcher.match("Gaia AG"), matcher.match("Othermab Corp")) == (3, None)
