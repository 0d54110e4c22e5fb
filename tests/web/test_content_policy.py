"""The content security policy; the browser tests check that the pages obey it."""

import re

import pytest
from django.conf import LazySettings, settings
from django.test import Client

from tests.factories import make_user

TEMPLATES = [path for path in settings.BASE_DIR.glob("*/templates/**/*.html") if ".venv" not in path.parts]


@pytest.mark.django_db
def test_every_response_has_the_policy(client: Client) -> None:
    client.force_login(make_user())
    for address in ("/", "/admin/", "/nowhere/"):
        policy = client.get(address)["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'"), address
        assert "unsafe" not in policy


@pytest.mark.django_db
def test_pages_have_the_policy_in_development_too(client: Client, settings: LazySettings) -> None:
    settings.DEBUG = True
    client.force_login(make_user())
    statuses = {"/": 200, "/errors/?trial=x": 400, "/review/shortcuts/": 200, "/schema/": 403, "/nowhere/": 404}
    for address, status in statuses.items():
        answer = client.get(address)
        assert answer.status_code == status
        assert answer["Content-Security-Policy"].startswith("default-src 'none'"), address


@pytest.mark.django_db
def test_debug_pages_have_no_policy(client: Client, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DEBUG = True
    client.force_login(make_user())
    client.raise_request_exception = False
    monkeypatch.setattr("linkaudit.queries.list_heuristics", lambda: 1 / 0)
    answer = client.get("/links/")
    assert answer.status_code == 500
    assert b"ZeroDivisionError" in answer.content
    assert "Content-Security-Policy" not in answer


def test_no_template_has_inline_scripts_or_styles(subtests: pytest.Subtests) -> None:
    for path in TEMPLATES:
        with subtests.test(path.name):
            text = path.read_text()
            assert re.findall(r"<style\b|\sstyle=|\son[a-z]+=|javascript:", text) == []
            assert re.findall(r"<script(?![^>]*\bsrc=)", text) == []
