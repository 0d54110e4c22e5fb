"""The search of the header: hits by group, permissions, recent items, queries."""

from typing import Any
from urllib.parse import quote

import pytest
from django.db import DatabaseError
from django.test import Client
from psycopg.types.range import DateRange
from pytest_django import DjangoAssertNumQueries

from linkaudit import models as linkaudit
from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from ncfd_site.jobs.models import Job
from ncfd_site.search import providers
from securities.models import CompanyAlias
from signals.models import TrialVersion
from tests.admin.rows import DAY, MOMENT, make_security
from tests.factories import make_asset, make_company, make_document, make_link_audit, make_trial, make_user
from tests.plans import disable
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db

Hits = dict[str, list[tuple[str, str]]]


@pytest.fixture
def ana(client: Client) -> Client:
    """The client of an analyst."""
    client.force_login(make_user(Role.ANALYST))
    return client


def hits(client: Client, text: str) -> Hits:
    """Return title and URL of each hit by group, without the lists, which are there for every text."""
    page = client.get("/search/", {"q": text})
    assert page.status_code == 200
    return {
        group.provider.title: [(hit.title, hit.url) for hit in group.hits]
        for group in page.context["groups"]
        if group.provider.title != "Lists"
    }


@pytest.mark.parametrize("text", ["NCT01234567", "nct 01234567", "01234567", "NCT0123", "see NCT01234567."])
def test_a_trial_is_found_by_any_spelling_of_its_number(ana: Client, text: str) -> None:
    make_trial(nct_id="NCT01234567")
    make_trial(nct_id="NCT11234567")
    assert hits(ana, text)["Trials"] == [("NCT01234567", "/trials/NCT01234567/")]


def test_a_trial_is_found_by_its_former_number(ana: Client) -> None:
    trial = make_trial(nct_id="NCT01234567")
    record = {"protocolSection": {"identificationModule": {"nctIdAliases": ["NCT00000009"]}}}
    for number in range(2):
        TrialVersion.objects.create(trial=trial, captured_at=MOMENT, raw_jsonb=record, sha256=f"{number:064}")
    assert hits(ana, "nct00000009")["Trials"] == [("NCT01234567", "/trials/NCT01234567/")]
    assert "formerly NCT00000009" in text_of(ana.get("/search/?q=00000009"))


def test_the_search_reads_through_indexes(ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    plans = []

    def explain(query: str, parameters: dict[str, Any], *, of: type[Any]) -> list[Any]:
        plans.append("\n".join(sql.column(f"EXPLAIN {query}", parameters)))
        return []

    disable("seqscan", "sort")
    monkeypatch.setattr("signals.search.sql.rows", explain)
    for text in ("NCT00000009", "zet"):
        ana.get("/search/", {"q": text})
    for index in ("companies_name", "company_aliases", "securities_ticker", "asset_aliases"):
        assert any(f"Index Scan using ix_{index}_prefix" in plan and "~>=~" in plan for plan in plans), index
    assert any("Bitmap Index Scan on ix_trial_versions_former_ids" in plan for plan in plans)


def test_companies_and_tickers_are_found_by_their_beginning(ana: Client) -> None:
    zeta = make_company(name="Zeta Bio", cik=77)
    CompanyAlias.objects.create(company=zeta, alias="Omega Labs", alias_norm="omega labs", alias_type="former_name")
    make_security(company=zeta, ticker="ZTA", ticker_norm="ZTA")
    make_security(company=make_company(name="Old Zeta"), ticker="ZTA", ticker_norm="ZTA", status="delisted",
                  effective_range=DateRange(DAY.replace(year=2000), DAY))  # fmt: skip
    company = ("Zeta Bio", "/companies/77/")
    assert hits(ana, "zeta")["Companies"] == [company]
    assert hits(ana, "Omega l")["Companies"] == [company]
    assert hits(ana, "77")["Companies"] == [company]
    assert hits(ana, "zt") == {"Tickers": [("ZTA", "/tickers/ZTA/")]}
    assert "ZTA Zeta Bio" in text_of(ana.get("/search/?q=zt"))


def test_a_drug_is_found_by_any_of_its_names(ana: Client) -> None:
    make_asset("thimblurant", "TB-986")
    for text, name in (("THIMBL", "thimblurant"), ("tb\u2010986", "TB-986")):
        assert hits(ana, text) == {"Drugs": [(name, f"/trials/?q={name}")]}
    # Signs of patterns are signs of the text.
    assert hits(ana, "thimb%t") == hits(ana, "thimb_ur") == {}


def test_a_number_is_a_document_a_link_or_a_job(ana: Client) -> None:
    document = make_document("text", source_url="https://example.com/a")
    link = make_link_audit(doc=document, asset=make_asset("zqlil"), nct_id="NCT01234567")
    job = Job.objects.create(kind="storage_verify", requested_by="olga", state="done", finished_at=MOMENT)
    assert hits(ana, f"#{link.pk}")["Links"] == [(f"Link {link.pk}", f"/links/{link.pk}/")]
    assert hits(ana, f"#{job.pk}")["Jobs"] == [(f"Job {job.pk}", f"/jobs/{job.pk}/")]
    admin = [(f"Document {document.pk}", f"/admin/storage/document/{document.pk}/change/")]
    for text in (str(document.pk), document.sha256.upper(), "https://example.com/a"):
        assert hits(ana, text)["Documents"] == admin
    # Whole numbers only, and none that the database would reject.
    assert hits(ana, f"{document.pk}9999") == hits(ana, "9" * 40) == {}


def test_heuristics_job_types_and_pages_are_found_by_words(ana: Client) -> None:
    make_link_audit(heuristic_applied="HP-77")
    assert hits(ana, "hp-7") == {"Heuristics": [("HP-77", "/heuristics/HP-77/")]}
    found = hits(ana, "compare ru")
    assert found == {"Pages": [("Compare runs", "/trials/compare/")]}
    assert ("Jobs", "/jobs/") in hits(ana, "jobs")["Pages"]
    kinds = [url for _, url in hits(ana, "sample")["Jobs"]]
    assert "/jobs/?kind=linkaudit_draw_sample" in kinds


def test_every_text_leads_to_the_lists(ana: Client) -> None:
    page = ana.get("/search/?q=acid %26 co")
    lists = {hit.url for group in page.context["groups"] if group.provider.key == "lists" for hit in group.hits}
    assert lists == {f"/{name}/?q={quote('acid & co')}" for name in ("trials", "companies", "links")}


def test_groups_without_permission_are_absent(client: Client) -> None:
    job = Job.objects.create(kind="storage_verify", requested_by="olga", state="done", finished_at=MOMENT)
    make_trial(nct_id="NCT01234567")
    client.force_login(make_user(Role.REVIEWER))
    assert "Jobs" not in hits(client, str(job.pk))
    assert "Pages" not in hits(client, "schema")
    guest = make_user(None)
    client.force_login(guest)
    page = client.get("/search/?q=NCT01234567")
    assert page.context["groups"] == []
    assert "Nothing begins with" in text_of(page)
    assert ("Style guide", "/styleguide/") in hits(client, "style")["Pages"]
    guest.is_staff = False
    guest.save()
    assert hits(client, "style") == {}


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.ANALYST])
def test_a_hit_shows_no_label_and_no_reviewer(client: Client, role: Role) -> None:
    asset = make_asset("zqlil")
    link = make_link_audit(asset=asset, label=False, reviewed_by="rose", label_source="human_review",
                           reviewed_at=MOMENT, heuristic_applied="HP-77")  # fmt: skip
    client.force_login(make_user(role))
    shown = text_of(client.get(f"/search/?panel=1&q={link.pk}"))
    assert f"Link {link.pk} zqlil in {link.nct_id}" in shown
    assert [word for word in ("wrong", "rose", "HP-77", "0.95") if word in shown] == []
    assert linkaudit.LinkAudit.objects.get(pk=link.pk).label is False


def test_short_and_odd_texts_find_nothing(ana: Client) -> None:
    make_company(name="Zeta Bio")
    for text in ("", "z", " ", "\0", "%", "' OR"):
        assert hits(ana, text) == {}
    assert "Enter at least two letters" in text_of(ana.get("/search/?q=z"))


def test_opened_items_are_kept_for_the_user(ana: Client) -> None:
    for number in (*range(10), 3):
        answer = ana.post("/search/recent/", {"title": f"Company {number}", "url": f"/companies/{number}/"})
        assert answer.status_code == 204
    recent = [title for title, _ in ana.get("/search/?panel=1").context["recent"]]
    assert recent == [f"Company {number}" for number in (3, 9, 8, 7, 6, 5, 4, 2)]
    assert "Opened last Company 3" in text_of(ana.get("/search/"))
    for url in ("https://example.com/", "//example.com/links/", "/nowhere/", "javascript:alert(1)", ""):
        assert ana.post("/search/recent/", {"title": "bad", "url": url}).status_code == 400
    other = Client()
    other.force_login(make_user(Role.REVIEWER))
    assert "Company" not in text_of(other.get("/search/"))


def test_a_failing_group_does_not_end_the_search(ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> list[providers.Hit]:
        raise DatabaseError("no")

    broken = providers.Provider(key="jobs", title="Jobs", position=70, find=fail)
    providers._registry.items()
    monkeypatch.setitem(providers._registry._items, "jobs", broken)
    page = ana.get("/search/?q=schema")
    assert "This group could not be searched." in text_of(page)
    found = hits(ana, "schema")
    assert found["Jobs"] == []
    assert ("Schema", "/schema/") in found["Pages"]


@pytest.mark.parametrize(("text", "count"), [("abc", 8), ("NCT01234567", 13), ("123", 11)])
def test_the_number_of_queries_is_fixed(
    ana: Client, django_assert_num_queries: DjangoAssertNumQueries, text: str, count: int
) -> None:
    for number in range(1, 8):
        make_company(name=f"abc {number}")
        make_asset(f"abc {number}")
    with django_assert_num_queries(count):
        assert ana.get(f"/search/?panel=1&q={text}").status_code == 200
