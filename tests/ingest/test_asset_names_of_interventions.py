"""Interventions: which are a drug, and under which name an asset is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkaudit.asset_names import (
    compact_name,
    extract_core_name,
    extract_display_name,
    guess_alias_type,
    list_spellings,
    normalize_name,
)
from linkaudit.loading.assets import find_or_add_assets
from linkaudit.loading.hp2 import is_asset
from linkaudit.models import Asset, AssetAlias

DRUGS = """Examplumab|BMS-986165|10-1074|Hypertonic saline 7%|Insulin glargine|SOF/VEL|Chemotherapy|Vitamin D3|ALN-APP
    |COVID-19 Vaccine|Dexamethasone intravitreal implant|Heparin catheter lock solution|Carboplatin + Paclitaxel|5-FU"""
NO_DRUGS = """Placebo|PLACEBO|Matching placebo for examplumab|Examplumab placebo|Placebos|Sham injection|Sham|Vehicle
    |Vehicle cream|Standard of Care|standard-of-care (SOC)|SOC|Usual care|Best supportive care (BSC)
    |Standard therapy|Observation|No intervention|No treatment|Control|Active comparator|Watchful waiting|Wait list
    |Treatment as usual|Normal saline|Saline|0.9% Sodium Chloride|Sterile normal saline (0.9% NaCl)
    |Sodium chloride 0.9%|Placebo 500 mg|Physician's choice|Treatment A|Group B|Cohort 1|Study drug|Intervention group
    |5 mg|Placebo oral tablet|Conventional medicine|Saline - Day 21|0.9% sterile, unpreserved saline
    |Blood samples for Hematology    |Pregnancy test|ARV regimen|Usual & customary treatment
    |Lipid-Modifying Therapy (LMT)|Standard lymphodepletion regimen"""
# A record without types lists everything; what is plainly no drug makes no asset.
NO_DRUGS_WITHOUT_TYPE = """Exercise|Cognitive behavioral therapy|Radiotherapy|MRI|Questionnaires|Mobile application
    |Illegal cigarette price|Express Mini shunt"""


def split(names: str) -> list[str]:
    return [name.strip() for name in names.split("|")]


@pytest.mark.parametrize("name", split(DRUGS))
@pytest.mark.parametrize("kind", ["DRUG", "BIOLOGICAL", ""])
def test_drugs_are_assets(name: str, kind: str) -> None:
    assert is_asset(name, kind)


@pytest.mark.parametrize("name", split(NO_DRUGS))
@pytest.mark.parametrize("kind", ["DRUG", "BIOLOGICAL", ""])
def test_controls_care_and_arms_are_none(name: str, kind: str) -> None:
    assert not is_asset(name, kind)


@pytest.mark.parametrize("kind", ["DEVICE", "BEHAVIORAL", "PROCEDURE", "RADIATION", "DIETARY_SUPPLEMENT", "OTHER"])
def test_other_types_are_none(kind: str) -> None:
    assert not is_asset("Examplumab", kind)


@pytest.mark.parametrize("name", split(NO_DRUGS_WITHOUT_TYPE))
def test_without_a_type_what_is_plainly_no_drug_is_none(name: str) -> None:
    assert not is_asset(name, "")
    assert is_asset(name, "DRUG")


@pytest.mark.parametrize(
    ("name", "core", "shown"),
    [
        ("Metformin", "metformin", "Metformin"),
        ("Metformin 500 mg", "metformin", "Metformin"),
        ("METFORMIN 500MG Tablets", "metformin", "METFORMIN"),
        ("100 mg Metformin tablet", "metformin", "Metformin"),
        ("Metformin (500 mg, 850 mg and 1,000 mg)", "metformin", "Metformin"),
        ("Metformin 10 mg/kg twice daily", "metformin", "Metformin"),
        ("Metformin\u00ae", "metformin", "Metformin"),
        ("  Metformin\u2013XR. ", "metformin-xr", "Metformin\u2013XR"),
        ("BMS-986165", "bms-986165", "BMS-986165"),
        ("TAK-875 50 mg", "tak-875", "TAK-875"),
        ("5-Fluorouracil", "5-fluorouracil", "5-Fluorouracil"),
        ("Vitamin D3", "vitamin d3", "Vitamin D3"),
        ("Ruxolitinib Cream 1.5%", "ruxolitinib cream", "Ruxolitinib Cream"),
        ("50 mg", "", ""),
    ],
)
def test_strength_and_plain_form_are_no_part_of_the_name(name: str, core: str, shown: str) -> None:
    assert extract_core_name(name) == core
    assert extract_display_name(name) == shown


def test_company_codes_are_distinguished_from_other_names() -> None:
    assert [guess_alias_type(name) for name in ("BMS-986165", "AMG 510", "Examplumab")] == ["code", "code", "other"]


def test_codes_and_names_match_without_case_dash_and_space() -> None:
    assert {compact_name(name) for name in ("AZD-1480", "AZD1480", "azd 1480", "AZD\u20111480")} == {"azd1480"}
    spellings = list_spellings(normalize_name("AZD 1480"))
    assert spellings[0] == "azd 1480"
    assert {"azd-1480", "azd1480", "AZD-1480", "AZD1480", "AZD 1480"} <= set(spellings)


@pytest.mark.django_db
def test_an_asset_of_a_pipeline_is_found_by_any_spelling() -> None:
    asset = Asset.objects.create(names_jsonb={"code": "AZD1480"})
    AssetAlias.objects.create(asset=asset, alias="AZD1480", alias_norm="AZD1480", alias_type="code")
    found = find_or_add_assets(["AZD-1480", "azd 1480", "AZD1480 50 mg"], "test")
    assert (set(found.by_name.values()), found.added) == ({asset.pk}, 0)
    assert sorted(AssetAlias.objects.values_list("alias", flat=True)) == ["AZD1480", "AZD1480 50 mg"]
    new = find_or_add_assets(
        ["BMS-986165", "BMS 986165", "BMS986165", "Interferon beta-1a", "interferon beta 1a"], "test"
    )
    assert (len(set(new.by_name.values())), new.added) == (2, 2)
    assert find_or_add_assets(["bms 986165"], "test").by_name == {"bms 986165": new.by_name["BMS-986165"]}
    assert Asset.objects.count() == 3
    assert AssetAlias.objects.count() == 4


names = st.text(min_size=1) | st.lists(
    st.sampled_from(
        ["10 mg", "metformin", "tablets", "(5 mg)", "50", "mg/kg", "and", ",", "A-1", "\u00ae", "%", "oral"]
    )
).map(" ".join)


@given(names)
def test_comparable_and_core_names_are_at_rest(name: str) -> None:
    for form in (normalize_name, extract_core_name):
        assert form(form(name)) == form(name)
    assert extract_core_name(normalize_name(name)) == extract_core_name(name)


@given(names)
def test_the_name_that_is_shown_is_the_asset_it_stands_for(name: str) -> None:
    assert normalize_name(extract_display_name(name)) == extract_core_name(name)


@given(names)
def test_case_does_not_matter(name: str) -> None:
    if name.isascii():
        assert normalize_name(name.upper()) == normalize_name(name.lower())
