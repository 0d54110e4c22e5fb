"""Normalization of company names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securities.loading.names import LEGAL_FORMS, normalize_company_name

SAME = {
    "eli lilly": ["ELI LILLY & Co", "Eli Lilly and Company", "Eli Lilly"],
    "bristol myers squibb": ["BRISTOL MYERS SQUIBB CO", "Bristol-Myers Squibb"],
    "novo nordisk": ["NOVO NORDISK A S", "Novo Nordisk A/S"],
    "example": [
        "Example, Inc.",
        "EXAMPLE INC /DE/",
        "Example Incorporated",
        "The Example Company, L.L.C.",
        "Éxample S.p.A.",
    ],
    "anheuser busch inbev": ["Anheuser-Busch InBev SA/NV"],
    "kioxia holdings": ["Kioxia Holdings Corporation/ADR"],
    "us bancorp": ["US BANCORP \\DE\\", "U.S. Bancorp"],
    "dr reddys laboratories": ["DR REDDYS LABORATORIES LTD", "Dr. Reddy's Laboratories Limited"],
}
OTHERS = [
    ("Arcturus Therapeutics, Inc.", "Arcturus Therapeutics Holdings Inc."),
    ("Genzyme, a Sanofi Company", "Sanofi"),
    ("Scholar Rock, Inc.", "Scholar Rock Group"),
    ("Vera", "Vera Therapeutics"),
]


@pytest.mark.parametrize(("normal", "name"), [(normal, name) for normal, names in SAME.items() for name in names])
def test_spellings_of_a_name_are_equal(normal: str, name: str) -> None:
    assert normalize_company_name(name) == normal


@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_names_of_different_companies_differ(one: str, other: str) -> None:
    assert normalize_company_name(one) != normalize_company_name(other)


@pytest.mark.parametrize("name", ["Inc.", "The Co", "S.A.", "/DE/", "A B", "Co and Co"])
def test_name_that_is_a_legal_form_is_kept(name: str) -> None:
    assert normalize_company_name(name)


@pytest.mark.parametrize("name", ["", " ", "...", "\u2122"])
def test_text_without_letters_is_empty(name: str) -> None:
    assert normalize_company_name(name) == ""


names = st.text() | st.lists(st.sampled_from([*LEGAL_FORMS, "The", "&", "and", "a", "Acme", "/DE/", "S.A."])).map(
    " ".join
)


@given(names)
def test_normalization_is_idempotent(name: str) -> None:
    once = normalize_company_name(name)
    assert normalize_company_name(once) == once


@given(names)
def test_case_and_spaces_do_not_matter(name: str) -> None:
    assert normalize_company_name(f"  {name}\t") == normalize_company_name(name)
    if name.isascii():
        assert normalize_company_name(name.upper()) == normalize_company_name(name.lower())


@given(names, st.sampled_from(["Inc.", "Corp", "LLC", "plc", "AG", ", Ltd.", "S.A."]))
def test_legal_form_at_the_end_does_not_matter(name: str, form: str) -> None:
    plain = normalize_company_name(name)
    if plain and plain not in LEGAL_FORMS:
        assert normalize_company_name(f"{plain} {form}") == plain


@given(names)
def test_name_with_a_letter_is_never_empty(name: str) -> None:
    if any(letter.isascii() and letter.isalnum() for letter in name):
        assert normalize_company_name(name)
