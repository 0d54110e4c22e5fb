"""Authentication, permissions, problem responses and conditional requests."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client
from django.urls import get_resolver

from ncfd_site.api.problems import problem
from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from tests.api.conftest import Program
from tests.factories import make_document, make_user

pytestmark = pytest.mark.django_db


def detail(response: Any) -> str:
    assert response["Content-Type"] == "application/json"
    assert set(response.json()) == {"detail", "where"}
    return str(response.json()["detail"])


@pytest.mark.parametrize("path", ["trials", "openapi.json", "nothing/here", "documents/1"])
def test_a_request_without_credentials_gets_the_same_answer_everywhere(client: Client, path: str) -> None:
    answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert "/tokens/" in detail(answer)
    assert client.post(f"/api/v1/{path}").status_code == 405


def test_a_token_and_a_session_read_the_same(ana: Client, client: Client) -> None:
    make_document("text")
    client.force_login(User.objects.get(username="ana"))
    assert ana.get("/api/v1/documents").json() == client.get("/api/v1/documents").json()


@pytest.mark.parametrize("header", ["Bearer ncfd_made-up", "Bearer ", "Basic YTpi", "ncfd_x", "Bearer \u00e9"])
def test_a_wrong_token_is_refused_even_where_a_session_would_do(client: Client, header: str) -> None:
    client.force_login(make_user(Role.ANALYST))
    answer = client.get("/api/v1/documents", headers={"authorization": header})
    assert answer.status_code == 401
    assert answer.json()["where"] == "Authorization"


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
@pytest.mark.parametrize("path", ["trials", "openapi.json", "documents/1", "nothing"])
def test_nothing_can_be_changed(ana: Client, method: str, path: str) -> None:
    answer = getattr(ana, method)(f"/api/v1/{path}")
    assert answer.status_code == 405
    assert answer["Allow"] == "GET, HEAD"
    assert "read-only" in detail(answer)


def test_a_form_of_another_site_is_refused_in_the_same_words() -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make_user(Role.ANALYST))
    assert browser.post("/api/v1/trials").status_code == 405


def test_head_answers_as_get_does_without_the_body(ana: Client) -> None:
    got, headed = ana.get("/api/v1/documents"), ana.head("/api/v1/documents")
    assert headed.status_code == 200
    assert headed["ETag"] == got["ETag"]
    assert headed.content == b""


def test_an_answer_that_did_not_change_is_not_sent_again(ana: Client) -> None:
    first = ana.get("/api/v1/documents")
    again = ana.get("/api/v1/documents", headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    make_document("text")
    changed = ana.get("/api/v1/documents", headers={"if-none-match": first["ETag"]})
    assert changed.status_code == 200
    assert changed["ETag"] != first["ETag"]


def test_no_copy_is_kept_on_the_way(ana: Client, client: Client) -> None:
    for answer in (ana.get("/api/v1/documents"), ana.get("/api/v1/nothing"), client.get("/api/v1/documents")):
        assert "no-store" in answer["Cache-Control"]
        assert "Authorization" in answer["Vary"]


def test_the_missing_permission_is_named(program: Program) -> None:
    answer = program(None).get("/api/v1/trials?limit=0")
    assert answer.status_code == 403
    assert detail(answer) == "This needs the permission signals.view_score, which guest does not have."


@pytest.mark.parametrize("role", list(Role))
def test_every_group_may_read_what_its_pages_show(program: Program, role: Role) -> None:
    reader = program(role)
    paths = ["trials", "runs", "companies", "sponsors", "studies", "staging-errors", "links", "heuristics", "documents"]
    assert {path: reader.get(f"/api/v1/{path}").status_code for path in paths} == dict.fromkeys(paths, 200)


@pytest.mark.parametrize(
    ("address", "where"),
    [
        ("documents?limit=0", "limit"),
        ("documents?limit=201", "limit"),
        ("documents?limit=many", "limit"),
        ("documents?limit=99999999999999999999999999", "limit"),
        ("documents?cursor=made-up", "cursor"),
        ("documents?cursor=.x:y", "cursor"),
        ("documents?source_type=Rumour", "source_type"),
        ("documents?page=2", "page"),
        ("documents/0", "doc_id"),
        ("documents/99999999999999999999999999", "doc_id"),
        ("documents/one", "doc_id"),
        ("trials?from=2026-02-30", "from"),
        ("trials?from=2026-03-01&to=2026-02-01", "to"),
        ("trials?sort=worst", "sort"),
        ("trials?band=12", "band"),
        ("trials?run=unheard-of", "run"),
        ("tickers/A%20B", "ticker"),
        ("tickers/A?on=soon", "on"),
        ("heuristics/HP-1?from=soon", "from"),
        ("links?sort=reviewed_by", "sort"),
        ("documents?status=%00", None),
        ("companies/%00", None),
        ("trials/NCT%00", None),
    ],
)
def test_an_invalid_parameter_is_reported_with_its_place(ana: Client, address: str, where: str | None) -> None:
    answer = ana.get(f"/api/v1/{address}")
    assert answer.status_code == 400
    assert detail(answer).endswith(".")
    assert answer.json()["where"] == where


@pytest.mark.parametrize(
    "address",
    [
        "nothing",
        "trials/",
        "trials/NCT00000000",
        "trials/NCT00000000/breakdown",
        "trials/NCT00000000/scores",
        "trials/NCT00000000/versions",
        "trials/NCT00000000/versions/1",
        "trials/NCT00000000/difference",
        "companies/12",
        "tickers/NOTHING",
        "sponsors/1",
        "studies/1",
        "staging-errors/1",
        "links/1",
        "heuristics/HP-9",
        "documents/9223372036854775807",
    ],
)
def test_an_unknown_resource_is_not_found(ana: Client, address: str) -> None:
    answer = ana.get(f"/api/v1/{address}")
    assert answer.status_code == 404
    assert detail(answer).endswith(".")


def test_a_fault_of_ours_shows_no_trace(ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret of the machine room")

    monkeypatch.setattr("storage.api.keyset.page", fail)
    answer = ana.get("/api/v1/documents")
    assert answer.status_code == 500
    assert "secret" not in detail(answer)


@pytest.mark.parametrize("fault", [OperationalError("the server of secrets is away"), RuntimeError("secret")])
def test_a_token_that_cannot_be_looked_up_is_answered_in_json(
    monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def fail(text: str) -> None:
        raise fault

    monkeypatch.setattr("ncfd_site.api.authentication.find_token_user", fail)
    for address in ("documents", "openapi.json", "nothing"):
        answer = Client().get(f"/api/v1/{address}", HTTP_AUTHORIZATION="Bearer ncfd_x")
        assert answer.status_code == (503 if isinstance(fault, OperationalError) else 500)
        assert "later" in detail(answer)
        assert "secret" not in detail(answer)
        assert "no-store" in answer["Cache-Control"]


def test_a_database_timeout_is_reported(ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("canceling statement due to statement timeout")

    monkeypatch.setattr("storage.api.keyset.page", fail)
    answer = ana.get("/api/v1/documents")
    assert answer.status_code == 503
    assert "statement" not in detail(answer)


def test_a_refusal_alone_asks_for_a_token() -> None:
    assert "WWW-Authenticate" in problem(401, "x")
    assert "WWW-Authenticate" not in problem(403, "x")


def test_every_address_of_the_api_authenticates_by_itself() -> None:
    """Hold for later resources, too: Django's own sign-in would return a form to a program."""
    found = [
        pattern.callback
        for resolver in get_resolver().url_patterns
        for pattern in _leaves(resolver)
        if "api/v1/" in pattern.api_route and pattern.api_route != "api/v1/"
    ]
    assert len(found) > 20
    assert all(view.login_required is False and view.__wrapped__ for view in found)


def _leaves(pattern: Any, route: str = "") -> list[Any]:
    route += str(pattern.pattern)
    if hasattr(pattern, "url_patterns"):
        return [leaf for inner in pattern.url_patterns for leaf in _leaves(inner, route)]
    pattern.api_route = route
    return [pattern]


def test_a_database_behind_head_is_reported(ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.api.keyset.page", lambda *_, **__: sql.value("SELECT 1 FROM later_table"))
    answer = ana.get("/api/v1/documents")
    assert answer.status_code == 503
    assert "migrate_alembic" in detail(answer)
