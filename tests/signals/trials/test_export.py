"""The export of trials by risk: the rows of the list, on all pages, in its order."""

import json
from typing import Any

import pytest
from django.test import Client

from ncfd_site.core.roles import Role
from tests.factories import make_company, make_trial, make_user
from tests.signals.trials.conftest import (
    BEFORE,
    LATEST,
    score,
    scored_trial,
)

pytestmark = pytest.mark.django_db


def exported(client: Client, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/exports/trials/json/{query}")
    assert answer.status_code == 200, answer
    found: list[dict[str, Any]] = json.loads(b"".join(answer.streaming_content).decode())  # type: ignore[attr-defined]
    return found


def test_the_rows_are_those_of_the_list_with_the_trial_and_its_company(ana: Client) -> None:
    trial = make_trial(nct_id="NCT00000001", sponsor_company=make_company(name="Example Inc.", cik=42))
    score(trial, "0.5", BEFORE)
    score(trial, "0.75")
    scored_trial("NCT00000002", "0.9")
    scored_trial("NCT00000003", "0.99", phase="PHASE1")
    rows = exported(ana, "?phase=PHASE3&page=7")
    assert [row["nct_id"] for row in rows] == ["NCT00000002", "NCT00000001"]
    assert rows[1] == {
        "nct_id": "NCT00000001", "sponsor": "Example Therapeutics", "company": "Example Inc.", "company_cik": 42,
        "phase": "PHASE3", "status": "RECRUITING", "is_pivotal": True, "indication": "Psoriasis", "readout": None,
        "run_id": LATEST, "scored_at": "2026-11-26T04:00:00+00:00", "p_fail": 0.75, "previous_run_id": BEFORE,
        "previous_p_fail": 0.5, "change": 0.25,
    }  # fmt: skip
    assert 'href="/exports/trials/csv/?phase=PHASE3"' in ana.get("/trials/?phase=PHASE3").content.decode()


def test_a_run_is_exported_with_the_run_before_it(ana: Client) -> None:
    trial = make_trial(nct_id="NCT00000001")
    score(trial, "0.5", BEFORE)
    score(trial, "0.75")
    (row,) = exported(ana, f"?run={LATEST}")
    assert (row["previous_run_id"], row["previous_p_fail"], row["change"]) == (BEFORE, 0.5, 0.25)
    (row,) = exported(ana, f"?run={BEFORE}")
    assert (row["p_fail"], row["previous_run_id"], row["change"]) == (0.5, None, None)


def test_a_filter_that_cannot_be_read_exports_nothing(ana: Client) -> None:
    assert ana.get("/exports/trials/csv/?band=x").status_code == 400


def test_who_may_not_export_gets_no_file(client: Client) -> None:
    client.force_login(make_user(Role.REVIEWER))
    scored_trial("NCT00000001")
    assert client.get("/exports/trials/csv/").status_code == 403
    assert "/exports/trials/" not in client.get("/trials/").content.decode()
