"""Pages with the demonstration."""

import re

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from linkaudit.models import HeuristicPrecision, LinkAudit
from ncfd_site.core.roles import Role
from storage.models import Document
from tests.factories import make_user
from tests.sql import rolled_back
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db

BAND = "Demonstration data: generated, not real"
ROWS = sorted(
    (
        model
        for model in admin.site._registry
        if model._meta.app_label in ("storage", "linkaudit", "securities", "signals")
    ),
    key=lambda model: model._meta.label,
)


@pytest.fixture
def rita(client: Client) -> Client:
    client.force_login(make_user())
    return client


@pytest.mark.parametrize(
    "address",
    [
        "/links/",
        "/links/?label=any&page=5",
        "/links/?q=gigantumab",
        "/heuristics/",
        "/trials/",
        "/trials/compare/",
        "/companies/",
        "/sponsors/",
    ],
)
def test_pages_show_rows_and_the_band(rita: Client, address: str) -> None:
    page = rita.get(address)
    assert page.status_code == 200
    assert BAND in text_of(page)
    assert "<tbody>" in page.content.decode()


@pytest.mark.parametrize("heuristic", ["HP-1", "HP-2", "HP-3", "HP-4"])
def test_each_heuristic_has_a_page_and_open_links(rita: Client, heuristic: str) -> None:
    words = text_of(rita.get(f"/heuristics/{heuristic}/"))
    assert BAND in words
    assert ("Met (≥ 95 %" in words) == (heuristic == "HP-1")
    assert heuristic == "HP-4" or "reviewed links are right" in words
    links = rita.get(f"/links/?heuristic={heuristic}")
    assert re.search(r'href="/links/\d+/', links.content.decode())


def test_a_link_of_each_kind_highlights_the_asset(rita: Client) -> None:
    seen = set()
    for audit in LinkAudit.objects.select_related("doc").order_by("pk"):
        sort = (audit.heuristic_applied, audit.label, audit.doc.source_type)
        if sort in seen:
            continue
        seen.add(sort)
        page = rita.get(f"/links/{audit.pk}/")
        html, words = page.content.decode(), text_of(page)
        assert page.status_code == 200
        assert f"trial {audit.nct_id}" in words
        assert 'id="quote"' in html or "are on page" in words, audit
        assert "other words stand there now" not in words
        assert '<mark class="asset">' in html
    assert len(seen) >= 12


def test_documents_without_text_have_a_status_for_it(rita: Client) -> None:
    assert set(Document.objects.filter(text_pages=None).values_list("status", flat=True)) == {
        "error",
        "fetched",
        "discovered",
    }


def test_every_list_of_the_admin_has_rows(client: Client, subtests: pytest.Subtests) -> None:
    for model in ROWS:
        with subtests.test(model._meta.label), rolled_back():
            # Links of open samples are hidden from those who may label.
            client.force_login(make_user(Role.OPERATOR, "oscar"))
            page = client.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"))
            assert page.status_code == 200
            assert BAND in text_of(page)
            html = page.content.decode()
            # Heuristics have a list of their own; every other one is Django's: no such table where it is empty.
            assert "HP-1" in html if model is HeuristicPrecision else 'id="result_list"' in html
