"""The OpenAPI description matches the API, for valid and invalid requests."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ncfd_site.api.tokens import create_token
from ncfd_site.api.v1 import PREFIX, api
from ncfd_site.core.roles import Role
from ncfd_site.wsgi import application
from securities.models import ReviewQueueItem
from signals.trials.forms import TrialFilterForm
from signals.trials.selection import SORTS
from tests.api.rows import make_explained_trial, make_version
from tests.factories import make_link_audit, make_study, make_user

pytestmark = pytest.mark.django_db
EXAMPLES = 10
PATHS = sorted(api.get_openapi_schema(path_prefix=PREFIX)["paths"])
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture
def described() -> Iterator[Any]:
    """The described API with a row of each kind, and the headers of a token."""
    trial = make_explained_trial()
    for number in range(2):
        make_version(trial, {"a": number}, days=number)
    make_study(trial=trial)
    make_link_audit(nct_id=trial.nct_id, label=True)
    ReviewQueueItem.objects.create(run_id="r", nct_id=trial.nct_id)
    token = create_token(make_user(Role.ANALYST), "tests", 1).text
    # Django closes connections between requests; the rows of the test would be lost.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    headers = {"Authorization": f"Bearer {token}", "Host": "localhost"}
    yield schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application, headers=headers), headers
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize("path", PATHS)
def test_every_path_responds_as_described(described: Any, path: str) -> None:
    """Valid and invalid requests return described statuses and schemas, never a server error."""
    schema, headers = described
    statuses: set[int] = set()
    strategies = [schema[path]["get"].as_strategy(generation_mode=mode) for mode in GenerationMode]

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(strategies))
    def answers(case: Any) -> None:
        statuses.add(case.call_and_validate(headers=headers, checks=CHECKS).status_code)

    answers()
    assert statuses <= {200, 400, 404}
    assert "{" in path or 200 in statuses


def test_description_has_authentication_and_pagination(ana: Client) -> None:
    described = ana.get("/api/v1/openapi.json").json()
    assert described["openapi"] == "3.1.0"
    assert {scheme["type"] for scheme in described["components"]["securitySchemes"].values()} == {"http", "apiKey"}
    listed = described["paths"]["/api/v1/trials"]["get"]
    assert {"cursor", "limit", "ticker", "from"} <= {parameter["name"] for parameter in listed["parameters"]}
    assert set(listed["responses"]) == {"200", "400", "401", "403", "404"}
    assert all(set(methods) == {"get"} for methods in described["paths"].values())


def test_filters_of_trials_have_the_choices_of_the_page(ana: Client) -> None:
    described = ana.get("/api/v1/openapi.json").json()["paths"]["/api/v1/trials"]["get"]["parameters"]
    offered = {each["name"]: each["schema"].get("enum") for each in described}
    fields = TrialFilterForm({}, runs=[]).fields
    for name in ("phase", "gate", "signal", "band", "pivotal"):
        choices: Any = fields[name].widget.choices
        assert set(offered[name]) == {"", *(value for value, _ in choices)}
    assert set(offered["sort"]) == set(SORTS)
