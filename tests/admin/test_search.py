"""Search and filters of lists."""

from typing import Any

import pytest
from django.urls import reverse

from securities.models import CompanySecurity, Security
from signals.models import Signal
from storage.models import StorageReference
from tests import factories
from tests.admin import rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def found(signed_in: Any) -> Any:
    """Search in a list; return the keys in the order of the page."""
    client = signed_in("operator")

    def search(table: str, term: str, **filters: str) -> list[Any]:
        page = client.get(reverse(f"admin:{table}_changelist"), {"q": term, **filters})
        assert page.status_code == 200
        return [row.pk for row in page.context["cl"].result_list]

    return search


def test_links_are_found_by_id_trial_and_asset(found: Any) -> None:
    asset = factories.make_asset("Pembrolizumab", "MK-3475")
    wanted = factories.make_link_audit(asset=asset, nct_id="NCT01234567")
    factories.make_link_audit()
    table = "linkaudit_linkaudit"
    assert found(table, str(wanted.pk)) == [wanted.pk]
    assert found(table, " nct01234567 ") == [wanted.pk]
    assert found(table, "pembro") == [wanted.pk]
    assert found(table, "mk-3475") == [wanted.pk]
    assert found(table, "nothing of the sort") == []


def test_companies_are_found_by_cik_ticker_and_name(found: Any) -> None:
    company = factories.make_company(name="Eli Lilly & Co", name_norm="eli lilly", cik=59478)
    rows.make(Security)
    security = rows.make_security(company=company, ticker="LLY", ticker_norm="LLY")
    table = "securities_company"
    assert found(table, "59478") == [company.pk]
    assert found(table, "lly") == [company.pk]
    assert found(table, "Eli Lilly & Co") == [company.pk]
    assert found(table, "eli lil") == [company.pk]
    assert found("securities_security", "LL") == [security.pk]
    assert found("securities_security", "eli") == [security.pk]


def test_links_of_companies_are_found_by_ticker_and_company(found: Any) -> None:
    link = rows.make(CompanySecurity)
    rows.make(CompanySecurity)
    ticker = Security.objects.get(pk=int(link.security_id)).ticker
    table = "securities_companysecurity"
    assert link.pk in found(table, ticker)
    assert found(table, link.company.name) == [link.pk]
    assert found(table, link.security_id) == [link.pk]


def test_a_reference_is_found_by_its_referrer(found: Any) -> None:
    reference = rows.make(StorageReference)
    rows.make(StorageReference)
    assert found("storage_storagereference", f"document {reference.referenced_id}") == [reference.pk]
    assert found("storage_storagereference", f"study {reference.referenced_id}") == []


def test_signals_are_found_by_trial(found: Any) -> None:
    signal = rows.make(Signal)
    rows.make(Signal)
    assert found("signals_signal", signal.trial.nct_id) == [signal.pk]


def test_any_search_term_is_accepted(found: Any, subtests: pytest.Subtests) -> None:
    for table in sorted(f"{m._meta.app_label}_{m._meta.model_name}" for m in rows.MAKERS):
        with subtests.test(table):
            if table == "linkaudit_heuristicprecision":
                continue  # A handful of rows on one page: there is nothing to search.
            for term in ("9" * 19, "9" * 40, "'; --", "%", "\\", "\u00fc" * 300, "_"):
                assert found(table, term) == []


def test_a_term_with_nul_is_refused(signed_in: Any) -> None:
    client = signed_in("operator")
    page = client.get(reverse("admin:securities_company_changelist"), {"q": "a\0b"})
    assert "Null characters are not allowed." in page.content.decode()
    source = {"app_label": "securities", "model_name": "companysecurity", "field_name": "company"}
    completed = client.get(reverse("admin:autocomplete"), {**source, "term": "a\0b"})
    assert completed.json()["results"] == []


def test_autocompletion_of_companies(signed_in: Any) -> None:
    company = factories.make_company(name="Eli Lilly & Co", name_norm="eli lilly")
    factories.make_company(name="Another Inc", name_norm="another")
    source = {"app_label": "securities", "model_name": "companysecurity", "field_name": "company"}
    completed = signed_in("operator").get(reverse("admin:autocomplete"), {**source, "term": "eli l"})
    assert completed.json() == {
        "results": [{"id": str(company.pk), "text": "Eli Lilly & Co"}],
        "pagination": {"more": False},
    }


def test_an_invalid_choice_redirects_to_the_whole_list(signed_in: Any) -> None:
    page = signed_in("operator").get(reverse("admin:linkaudit_linkaudit_changelist"), {"label": "maybe"})
    assert page.status_code == 302
    assert page["Location"].endswith("?e=1")


@pytest.mark.parametrize("chosen", ["right", "wrong", "open"])
def test_links_are_filtered_by_label(chosen: str, found: Any) -> None:
    links = {
        "right": factories.make_link_audit(label=True),
        "wrong": factories.make_link_audit(label=False),
        "open": factories.make_link_audit(),
    }
    assert found("linkaudit_linkaudit", "", label=chosen) == [links[chosen].pk]


def test_links_are_filtered_by_heuristic_reviewer_source_status_and_confidence(found: Any) -> None:
    wanted = factories.make_link_audit(
        label=True, heuristic_applied="HP-1", confidence="1.00", promotion_status="promoted"
    )
    other = factories.make_link_audit(heuristic_applied=None)
    table = "linkaudit_linkaudit"
    assert found(table, "", heuristic_applied="HP-1") == [wanted.pk]
    assert found(table, "", heuristic_applied="none") == [other.pk]
    assert found(table, "", reviewed_by="rita") == [wanted.pk]
    assert found(table, "", reviewed_by="none") == [other.pk]
    assert found(table, "", label_source__exact="human_review") == [wanted.pk]
    assert found(table, "", promotion_status__exact="promoted") == [wanted.pk]
    assert found(table, "", confidence="1.00-1.00") == [wanted.pk]
    assert found(table, "", confidence="0.95-0.99") == [other.pk]


def test_confidence_bands_cover_everything(found: Any) -> None:
    links = {factories.make_link_audit(confidence=f"{number / 100:.2f}").pk for number in range(101)}
    bands = ("1.00-1.00", "0.95-0.99", "0.90-0.94", "0.85-0.89", "0.50-0.84", "0.00-0.49")
    seen = [key for band in bands for key in found("linkaudit_linkaudit", "", confidence=band)]
    assert sorted(seen) == sorted(links)


def test_the_heuristic_filter_lists_existing_heuristics(signed_in: Any) -> None:
    factories.make_link_audit(heuristic_applied="HP-1")
    factories.make_link_audit(heuristic_applied="HP-1")
    factories.make_link_audit(heuristic_applied="REG-result")
    page = signed_in("reviewer").get(reverse("admin:linkaudit_linkaudit_changelist"))
    chosen = page.context["cl"].filter_specs[0].lookup_choices
    assert chosen == [("HP-1", "HP-1"), ("REG-result", "REG-result"), ("none", "none")]
