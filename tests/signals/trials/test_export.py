"""The export of trials by risk: the rows of the list, on all pages, in its order."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from ncfd_site.core.roles import Role
from tests.factories import make_company, make_trial, make_user
from tests.signals.trials.conftest import (
    BEFORE,
    LATEST,
    fire_gate,
    fire_signal,
    list_ticker,
    score,
    scored_trial,
)

pytestmark = pytest.mark.django_db


def exported(client: Client, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/exports/trials/json/{query}")
    assert answer.status_code == 200, answer
    found: dict[str, Any] = json.loads(b"".join(answer.streaming_content).decode())  # type: ignore[attr-defined]
    rows: list[dict[str, Any]] = found["rows"]
    return rows


def test_the_rows_are_those_of_the_list_with_the_trial_and_its_company(ana: Client) -> None:
    trial = make_trial(nct_id="NCT00000001", sponsor_company=make_company(name="Example Inc.", cik=42))
    assert trial.sponsor_company is not None
    list_ticker(trial.sponsor_company, "ZQA")
    for signal in ("S7", "S1"):
        fire_signal(trial, signal)
    fire_gate(trial, "G1")
    score(trial, "0.5", BEFORE)
    score(trial, "0.75")
    scored_trial("NCT00000002", "0.9")
    scored_trial("NCT00000003", "0.99", phase="PHASE1")
    rows = exported(ana, "?phase=PHASE3&page=7")
    assert [row["nct_id"] for row in rows] == ["NCT00000002", "NCT00000001"]
    assert rows[1] == {
        "tickers": ["ZQA"], "gates": ["G1"], "stop_rules": [], "signals": ["S1", "S7"], "is_prior_only": False,
        "nct_id": "NCT00000001", "sponsor": "Example Therapeutics", "company": "Example Inc.", "company_cik": 42,
        "phase": "PHASE3", "status": "RECRUITING", "is_pivotal": True, "indication": "Psoriasis", "readout": None,
        "run_id": LATEST, "scored_at": "2026-11-26T04:00:00+00:00", "p_fail": 0.75, "previous_run_id": BEFORE,
        "previous_p_fail": 0.5, "change": 0.25,
    }  # fmt: skip
    href = "/exports/trials/csv/?phase=PHASE3&amp;columns=risk,trial"
    page = ana.get("/trials/?phase=PHASE3&columns=risk,trial").content.decode()
    assert f'href="{href}"' in page
    assert re.findall(r'<td[^>]*data-label="([^"]+)"', page)[:2] == ["P(failure)", "Trial"]
    assert list(exported(ana, "?filter=none&columns=risk,trial")[0]) == [
        "p_fail",
        "is_prior_only",
        "scored_at",
        "nct_id",
    ]
    assert ana.get("/trials/?columns=x").status_code == 400


def test_a_run_is_exported_with_the_run_before_it(ana: Client) -> None:
    trial = make_trial(nct_id="NCT00000001")
    score(trial, "0.5", BEFORE)
    recorded = {"gates": {"G2": {}}, "signals": {"S1": "H"}, "stop_rules": [{"rule": "per_protocol_only"}]}
    score(trial, "0.75", metadata=recorded)
    odd = {"gates": [], "signals": "S1", "stop_rules": {}}
    scored = make_trial(nct_id="NCT00000002")
    score(scored, "0.1", metadata=odd)
    (row, other) = exported(ana, f"?run={LATEST}")
    assert (other["gates"], other["signals"], other["stop_rules"]) == ([], [], [])
    assert (row["gates"], row["signals"], row["stop_rules"]) == (["G2"], ["S1"], ["per_protocol_only"])
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
