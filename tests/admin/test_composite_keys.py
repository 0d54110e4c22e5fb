"""Tables with composite keys in the admin: list, open, link, unlink."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.urls import reverse

from ncfd_site.adminkit.links import build_object_id, split_object_id
from securities.models import CompanyRelationship, CompanySecurity, Security
from storage.models import DocumentTable
from tests import factories
from tests.admin import rows

pytestmark = pytest.mark.django_db

ADD = "admin:securities_companysecurity_add"


def read_messages(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


@pytest.mark.parametrize("identifier", ["7", "a,b", "_2C", "a/b", "50%", "ü?#&", "a b", ".."])
def test_every_key_has_a_url(identifier: str, signed_in: Any) -> None:
    company = factories.make_company()
    link = CompanySecurity.objects.create(company=company, security_id=identifier)
    assert split_object_id(build_object_id(link)) == [str(company.pk), identifier]
    page = signed_in("operator").get(reverse("admin:securities_companysecurity_change", args=[build_object_id(link)]))
    assert page.status_code == 200
    assert page.context["original"] == link


@pytest.mark.parametrize("address", ["1", "1,2,3", "x,1", "99999999999999999999,1", "1,missing", ","])
def test_an_invalid_url_redirects_to_the_list(address: str, signed_in: Any) -> None:
    page = signed_in("operator").get(reverse("admin:securities_companysecurity_change", args=[address]), follow=True)
    assert page.redirect_chain == [(reverse("admin:securities_companysecurity_changelist"), 302)]
    assert "There is no company security" in page.content.decode()


def test_the_list_shows_company_ticker_and_date(signed_in: Any) -> None:
    link = rows.make(CompanySecurity)
    link.refresh_from_db()
    page = signed_in("analyst").get(reverse("admin:securities_companysecurity_changelist")).content.decode()
    security = Security.objects.get(pk=int(link.security_id))
    assert link.company.name in page
    assert reverse("admin:securities_security_change", args=[security.pk]) in page
    assert f'title="{link.linked_at:%Y-%m-%d %H:%M:%S} UTC"' in page


def test_tables_with_composite_keys_are_on_the_index(signed_in: Any) -> None:
    page = signed_in("operator").get(reverse("admin:index")).content.decode()
    for name in ("companysecurity", "companyrelationship", "documenttable", "documenttextpage"):
        assert f"/{name}/" in page
    assert reverse(ADD) in page
    assert reverse("admin:securities_companyrelationship_add") not in page


@pytest.mark.parametrize("by", ["number", "ticker"])
def test_an_operator_links_a_security_by_id_or_ticker(by: str, signed_in: Any) -> None:
    company, security = factories.make_company(), rows.make_security()
    given = str(security.pk) if by == "number" else security.ticker.lower()
    client = signed_in("operator")
    answer = client.post(reverse(ADD), {"company": company.pk, "security": given})
    assert read_messages(answer) == [f"Linked {company.name} and {security.ticker} ({security.pk})."]
    link = CompanySecurity.objects.get(company=company)
    assert link.security_id == str(security.pk)
    assert answer["Location"] == reverse("admin:securities_companysecurity_change", args=[build_object_id(link)])
    entry = LogEntry.objects.get()
    assert client.get(str(entry.get_admin_url())).context["original"] == link


def test_an_existing_link_is_not_created_again(signed_in: Any) -> None:
    link = rows.make(CompanySecurity)
    answer = signed_in("operator").post(reverse(ADD), {"company": link.company_id, "security": link.security_id})
    assert read_messages(answer)[0].endswith("are linked already.")
    assert CompanySecurity.objects.count() == 1


@pytest.mark.parametrize("missing", ["company", "security"])
def test_a_missing_end_of_a_link_is_a_form_error(missing: str, signed_in: Any) -> None:
    given = {"company": factories.make_company().pk, "security": rows.make_security().pk, missing: 999_999}
    page = signed_in("operator").post(reverse(ADD), given)
    assert page.status_code == 200
    assert missing in page.context["form"].errors
    assert "Not linked" in page.content.decode()
    assert not CompanySecurity.objects.exists()


def test_the_form_is_prefilled_from_a_company(signed_in: Any) -> None:
    company = factories.make_company()
    client = signed_in("operator")
    address = f"{reverse(ADD)}?company={company.pk}"
    assert address in client.get(reverse("admin:securities_company_change", args=[company.pk])).content.decode()
    assert f'<option value="{company.pk}" selected>{company.name}</option>' in client.get(address).content.decode()


def test_unlinking_asks_for_confirmation(signed_in: Any) -> None:
    link = rows.make(CompanySecurity)
    client = signed_in("operator")
    address = reverse("admin:securities_companysecurity_delete", args=[build_object_id(link)])
    page = client.get(address).content.decode()
    assert link.company.name in page
    assert "Deletes the link of" in page
    assert "Company and security are kept" in page
    assert CompanySecurity.objects.exists()
    answer = client.post(address)
    assert read_messages(answer)[0].startswith(f"Unlinked {link.company.name} and ")
    assert not CompanySecurity.objects.exists()
    assert LogEntry.objects.get().is_deletion()


def test_an_analyst_cannot_unlink(signed_in: Any) -> None:
    link = rows.make(CompanySecurity)
    client = signed_in("analyst")
    address = reverse("admin:securities_companysecurity_change", args=[build_object_id(link)])
    assert "Unlink" not in client.get(address).content.decode()
    assert client.post(address.replace("change", "delete")).status_code == 403
    assert CompanySecurity.objects.exists()


def test_relationships_are_added_and_removed(signed_in: Any) -> None:
    above, below = factories.make_company(), factories.make_company()
    client = signed_in("superuser")
    given = {
        "parent_company": above.pk,
        "child_company": below.pk,
        "rel_type": "subsidiary",
        "start_date": "2020-01-31",
        "end_date": "",
    }
    answer = client.post(reverse("admin:securities_companyrelationship_add"), given)
    assert read_messages(answer) == [f"Linked {below.name}, subsidiary of {above.name}."]
    relationship = CompanyRelationship.objects.get()
    assert (str(relationship.start_date), relationship.end_date) == ("2020-01-31", None)
    address = reverse("admin:securities_companyrelationship_delete", args=[build_object_id(relationship)])
    assert "Both companies are kept." in client.get(address).content.decode()
    client.post(address)
    assert not CompanyRelationship.objects.exists()


def test_a_company_cannot_be_its_own_parent(signed_in: Any) -> None:
    company = factories.make_company()
    given = {"parent_company": company.pk, "child_company": company.pk, "rel_type": "subsidiary"}
    page = signed_in("superuser").post(reverse("admin:securities_companyrelationship_add"), given)
    assert "A company cannot be its own parent" in page.content.decode()
    assert not CompanyRelationship.objects.exists()


def test_a_document_table_is_shown_as_fields(signed_in: Any) -> None:
    table = rows.make(DocumentTable)
    page = signed_in("reviewer").get(reverse("admin:storage_documenttable_change", args=[build_object_id(table)]))
    assert "<dt>Heavy</dt>" in page.content.decode()
    assert "Raw JSON" in page.content.decode()
