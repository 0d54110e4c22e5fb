"""A site whose database is a standby: it reads, and explains what it cannot do."""

import json
import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.test import Client
from psycopg.conninfo import make_conninfo

from ncfd_site.api import tokens
from ncfd_site.config.errors import ExitCode
from tests.config.commands import manage, production
from tests.factories import PASSWORD
from tests.replicas.conftest import NAME, Site, sign_in, use_databases
from tests.web.reading import text_of
from tests.web.table import WHO
from tests.web.test_matrix import ADDRESSES, rule

STANDBY = "The database is a standby, which is read-only."


@pytest.fixture(params=WHO)
def client_of_each(request: pytest.FixtureRequest, site: Site) -> Iterator[tuple[str, Client]]:
    """Yield each role with a client that signed in on the primary, on a site with the standby."""
    with use_databases(site.primary.url(NAME)):
        client = sign_in(site, request.param)
    with use_databases(site.standby.url(NAME)):
        yield request.param, client


def test_every_get_works_on_a_standby(
    client_of_each: tuple[str, Client],
    site: Site,
    settings: LazySettings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL, "django.request")
    settings.CONTENT_ROOT = tmp_path
    who, client = client_of_each
    wrong = []
    for address in ADDRESSES:
        # The pages of the admin are the same for all who may open them.
        if address.pattern.startswith("/admin/") and who != "superuser":
            continue
        # Not ready to take requests that write.
        expected = 503 if address.pattern == "/readyz" else rule(address).expected(who, "GET")
        status = client.get(site.urls[address.pattern]).status_code
        if status != expected:
            wrong.append(f"{address.pattern}: {status} instead of {expected}")
    assert wrong == []


@pytest.mark.parametrize("debug", [False, True])
def test_writes_on_a_standby_are_refused_with_the_reason(site: Site, settings: LazySettings, debug: bool) -> None:
    with use_databases(site.primary.url(NAME)):
        client = sign_in(site, "operator")
        token = tokens.create_token(site.users["operator"], "program", 1).text
        site.wait_until_replayed()
    settings.DEBUG = debug
    with use_databases(site.standby.url(NAME)):
        health = client.get("/healthz")
        assert (health.status_code, health.content) == (200, b"ok\n")
        ready = client.get("/readyz")
        assert (ready.status_code, ready.content.decode(), ready["Retry-After"]) == (503, f"{STANDBY}\n", "10")
        for response in (
            client.post("/tokens/", {"name": "another", "days": 30}),
            Client(raise_request_exception=False).post(
                "/accounts/login/", {"username": site.users["operator"].username, "password": PASSWORD}
            ),
        ):
            assert (response.status_code, response["Retry-After"]) == (503, "10")
            assert STANDBY in text_of(response)
        # The use of a token is not recorded, and is no reason to refuse it.
        assert Client().get("/api/v1/trials", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_a_site_without_its_database_logs_one_line(caplog: pytest.LogCaptureFixture, site: Site) -> None:
    with use_databases(make_conninfo(site.primary.url(NAME), port="1")):
        ready = Client().get("/readyz")
        assert (ready.status_code, ready.content, ready["Retry-After"]) == (
            503,
            b"The database does not answer.\n",
            "10",
        )
        (record,) = caplog.records
        assert "refuses connections" in record.getMessage()
        client = Client(raise_request_exception=False)
        client.cookies["sessionid"] = "a" * 32
        page = client.get("/trials/")
        assert (page.status_code, page["Retry-After"]) == (503, "10")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("score_trials", "--run-id", "r", "--dry-run"), ExitCode.UNUSABLE_CONNECTION),
        (("run_jobs", "--once"), ExitCode.UNUSABLE_CONNECTION),
        (("verify_scores", "--run-id", "no run"), ExitCode.USAGE),
        (("storage_verify", "--only", "counts"), ExitCode.DONE),
    ],
)
def test_commands_on_a_standby(site: Site, tmp_path: Path, arguments: tuple[str, ...], code: ExitCode) -> None:
    result = manage(tmp_path, *arguments, **production(site.standby.url(NAME)))
    assert result.code == code, result
    if code is ExitCode.UNUSABLE_CONNECTION:
        assert "The database is read-only, as a standby is (cannot execute " in result.errors
        assert result.errors.endswith("). Set DATABASE_URL to the primary.\n")
        assert "run the same command again" not in result.errors


def test_a_snapshot_is_of_the_moment_of_a_replica(replicated: Site, tmp_path: Path) -> None:
    call_command("export_snapshot", to=str(tmp_path / "snapshots"), stdout=StringIO())
    (file,) = tmp_path.glob("snapshots/*/manifest.json")
    manifest = json.loads(file.read_text())
    assert manifest["is_standby"] is True
    rows = {table["name"]: table["rows"] for table in manifest["tables"]}
    assert [(rows["trials"],)] == replicated.on_primary("SELECT count(*) FROM trials")
    assert rows["trials"] > 0
