"""Validation of study cards, and the p-value column."""

import copy
from decimal import Decimal
from typing import Any

import pytest

from tests.sql import Database, insert, make_trial, one

WHOLE: dict[str, Any] = {
    "primary_endpoints": [{"name": "overall survival"}],
    "sample_size": {"total_n": 842},
    "populations": {"analysis_primary_on": "ITT"},
    "results": {"primary": [{"p_value": 0.03}]},
}
ALL_FOUR = (
    "primary_endpoints, sample_size.total_n, populations.analysis_primary_on, "
    "results.primary.(effect_size.value OR p_value)"
)


def card(**changes: Any) -> dict[str, Any]:
    return copy.deepcopy(WHOLE) | changes


def store(db: Database, stored: Any, *, pivotal: bool = True) -> int:
    trial = make_trial(db, is_pivotal=pivotal)
    return int(insert(db, "studies", trial_id=trial, doc_type="PR", year=2025, extracted_jsonb=stored))


def recorded(db: Database) -> list[str]:
    rows = db.execute("SELECT error_message FROM staging_errors WHERE error_type = 'pivotal_validation'").fetchall()
    return [row[0].removeprefix("PivotalStudyMissingFields: ") for row in rows]


@pytest.mark.parametrize(
    "whole",
    [
        card(),
        card(sample_size={"total_n": "842 participants"}),
        card(sample_size={"total_n": 10**30}),
        card(results={"primary": [{"p_value": "<0.001"}]}),
        card(results={"primary": [{}, {"effect_size": {"value": 0}}]}),
    ],
)
def test_complete_card_records_nothing(db: Database, whole: dict[str, Any]) -> None:
    store(db, whole)
    assert recorded(db) == []


@pytest.mark.parametrize(
    ("stored", "missing"),
    [
        ({}, ALL_FOUR),
        ([], ALL_FOUR),
        (card(primary_endpoints=[]), "primary_endpoints"),
        (card(primary_endpoints="overall survival"), "primary_endpoints"),
        (card(sample_size={"total_n": "several"}), "sample_size.total_n"),
        (card(sample_size=842), "sample_size.total_n"),
        (card(populations={"analysis_primary_on": None}), "populations.analysis_primary_on"),
        (card(populations={"analysis_primary_on": " "}), "populations.analysis_primary_on"),
        (card(results={"primary": {"p_value": 0.03}}), "results.primary.(effect_size.value OR p_value)"),
        (card(results={"primary": [{"p_value": None}]}), "results.primary.(effect_size.value OR p_value)"),
        (card(results=None), "results.primary.(effect_size.value OR p_value)"),
    ],
)
def test_incomplete_card_is_stored_and_its_missing_fields_listed(db: Database, stored: Any, missing: str) -> None:
    warnings: list[str] = []
    db.add_notice_handler(lambda notice: warnings.append(notice.message_primary or ""))
    study = store(db, stored)

    assert one(db.execute("SELECT extracted_jsonb FROM studies WHERE study_id = %s", [study]))[0] == stored
    assert recorded(db) == [missing]
    assert one(db.execute("SELECT study_id, extracted_jsonb FROM staging_errors")) == (study, stored)
    assert warnings == [f"PivotalStudyMissingFields: {missing}"]


def test_only_updates_of_the_card_are_validated(db: Database) -> None:
    study = store(db, card())
    db.execute("UPDATE studies SET notes_md = 'read' WHERE study_id = %s", [study])
    assert recorded(db) == []
    db.execute("UPDATE studies SET extracted_jsonb = '{}' WHERE study_id = %s", [study])
    assert recorded(db) == [ALL_FOUR]


def test_other_trials_and_studies_without_a_card_are_ignored(db: Database) -> None:
    store(db, {}, pivotal=False)
    insert(db, "studies", trial_id=make_trial(db, "NCT00000002"), doc_type="PR", year=2025)
    assert recorded(db) == []


@pytest.mark.parametrize(
    ("written", "number"),
    [
        (0.0312, "0.0312"),
        (5e-300, "5e-300"),
        ("0.0312", "0.0312"),
        (".05", "0.05"),
        ("1e-4", "0.0001"),
        (1, "1"),
        ("<0.05", None),
        ("0.05*", None),
        ("p=0.05", None),
        ("", None),
        (".", None),
        ("1e99999", None),
        ("9" * 5000, None),
        (int("9" * 4000), None),
        (10**900, str(10**900)),
        ("NaN", None),
        ("Infinity", None),
        ("0.05\n", None),
        (True, None),
        (None, None),
        ([0.05], None),
        ({"value": 0.05}, None),
    ],
)
def test_p_value_must_be_wholly_a_number(db: Database, written: Any, number: str | None) -> None:
    study = store(db, card(results={"primary": [{"p_value": written}]}))
    found = one(db.execute("SELECT p_value FROM studies WHERE study_id = %s", [study]))[0]
    assert found == (None if number is None else Decimal(number))


def test_p_value_is_that_of_the_first_result(db: Database) -> None:
    study = store(db, card(results={"primary": {"0": {"p_value": 0.03}}}))
    assert one(db.execute("SELECT p_value FROM studies WHERE study_id = %s", [study])) == (None,)
