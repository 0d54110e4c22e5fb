"""Explanation page of a trial: permissions, unknown addresses, unsafe input and queries."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from signals.models import Score, Trial
from tests.factories import (
    make_company,
    make_link_audit,
    make_study,
    make_trial,
    make_user,
)
from tests.signals.explanation.rows import (
    LATEST,
    make_gates,
    make_score,
    make_signal,
    make_version,
    metadata,
    registry_record,
)
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db


def test_parts_that_a_person_may_not_see_are_left_out(client: Client, trial: Trial) -> None:
    user = make_user(None)
    user.user_permissions.add(Permission.objects.get(codename="view_score"))
    client.force_login(user)
    make_link_audit(nct_id="NCT00000001")
    make_signal(trial, "S1")
    make_score(trial, {"G1": "5"})
    words = text_of(client.get("/trials/NCT00000001/"))
    assert "How the score is computed" in words
    for part in ("Drugs and links", "Companies exposed", "the words of S1", "Registry record", "Rule"):
        assert part not in words


@pytest.mark.parametrize("address", ["/trials/NCT99999999/", "/trials/x%00y/", "/trials/NCT99999999/record/"])
def test_an_unknown_trial_is_not_found_and_offers_a_search(ana: Client, address: str) -> None:
    missing = ana.get(address)
    assert missing.status_code == 404
    assert "There is no trial" in text_of(missing)
    assert 'action="/trials/"' in missing.content.decode()


@pytest.mark.parametrize("run", ["other", "%00", "x" * 500, "%3Cscript%3E"])
def test_an_unknown_run_is_not_found(ana: Client, trial: Trial, run: str) -> None:
    make_score(trial)
    missing = ana.get(f"/trials/NCT00000001/?run={run}")
    assert missing.status_code == 404
    assert "is not in run" in text_of(missing)
    assert "<script>" not in missing.content.decode()


def test_a_number_is_found_in_any_letter_case(ana: Client, trial: Trial) -> None:
    assert ana.get("/trials/nct00000001/").status_code == 200


def test_what_others_wrote_is_never_markup(ana: Client) -> None:
    evil = "<script>alert(1)</script>"
    trial = make_trial(nct_id="NCT00000003", sponsor_text=evil, indication=evil, status=evil, phase=evil)
    make_version(trial, registry_record(evil))
    make_signal(
        trial,
        "S1",
        evidence_span=evil + "x" * 1_000_000,
        metadata={"doc_id": "9" * 30, "page_no": evil, "trial_version_ids": evil},
    )
    recorded = metadata(
        {evil[:10]: "5"},
        signals={"S1": evil},
        stop_rules=[{"rule": evil, "description": evil}, evil, 3],
        table_version=evil,
    )
    make_score(trial, {"G1": "5"}, run=evil, metadata=recorded)
    page = ana.get("/trials/NCT00000003/")
    assert page.status_code == 200
    assert evil not in page.content.decode()
    assert len(page.content) < 100_000


def test_metadata_nested_too_deep_is_reported_without_error(ana: Client, trial: Trial) -> None:
    score = make_score(trial, {"G1": "5"})
    deep = '{"gates":' + "[" * 3000 + "]" * 3000 + "}"
    sql.execute("UPDATE scores SET metadata = %s::jsonb WHERE score_id = %s", [deep, score.pk])
    page = ana.get("/trials/NCT00000001/")
    assert page.status_code == 200
    assert "nested too deep to be shown" in text_of(page)


@pytest.mark.parametrize("role", list(Role))
def test_the_number_of_queries_does_not_grow(
    client: Client, trial: Trial, role: Role, django_assert_max_num_queries: Any
) -> None:
    client.force_login(make_user(role))
    _fill(trial)
    client.get("/trials/NCT00000001/")
    with django_assert_max_num_queries(13):
        client.get("/trials/NCT00000001/")


def test_an_analyst_costs_eleven_queries(
    ana: Client, trial: Trial, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    _fill(trial)
    ana.get("/trials/NCT00000001/")
    # Session, person, two for permissions, trial, scores, gates, signals, links, assets, companies.
    with django_assert_num_queries(11) as queries:
        ana.get("/trials/NCT00000001/")
    assert not any("raw_jsonb," in query["sql"] for query in queries.captured_queries)


def test_a_stranger_signs_in_first_and_nothing_is_kept(client: Client, ana: Client, trial: Trial) -> None:
    assert Client().get("/trials/NCT00000001/").status_code == 302
    assert "no-store" in ana.get("/trials/NCT00000001/")["Cache-Control"]


def test_a_user_without_group_sees_the_missing_permission(client: Client, trial: Trial) -> None:
    client.force_login(make_user(None))
    refused = client.get("/trials/NCT00000001/")
    assert refused.status_code == 403
    assert "needs the permission signals.view_score" in text_of(refused)


def _fill(trial: Trial) -> None:
    trial.sponsor_company = make_company()
    trial.save()
    make_gates(trial, {"G1": "5"})
    study = make_study(trial=trial)
    for number in range(1, 10):
        make_signal(trial, f"S{number}", source_study=study)
        make_score(trial, {"G1": "5"}, run=f"weekly {number}", scored_at=LATEST.replace(day=number))
        make_link_audit(nct_id=trial.nct_id)
        make_version(trial, registry_record(), number)
    assert Score.objects.count() == 9
