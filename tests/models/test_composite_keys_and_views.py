"""Composite keys, views, and relations without a key."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from linkaudit.models import HeuristicPrecision
from ncfd_site.core import sql
from ncfd_site.schema.models import MigrationLog, SchemaVersion
from securities.models import (
    CompanyAlias,
    CompanyCanonical,
    CompanyRelationship,
    CompanySecurity,
    CompanyTicker,
    ResolverIgnoredSponsor,
)
from securities.queries.lookups import DomainAlias, list_domains
from signals.models import IngestState, RegistryHistoryVersion
from storage.models import Document, DocumentCitation, DocumentTable, DocumentTextPage
from storage.queries import list_document_entities
from tests.factories import make_company, make_document, make_link_audit, make_trial
from tests.models.test_column_types import make_security

pytestmark = pytest.mark.django_db


def test_row_is_found_by_its_composite_key() -> None:
    document = make_document("one", "two")
    DocumentTable.objects.create(doc=document, page_no=1, table_idx=0, table_jsonb={"rows": []})
    trial = make_trial()
    version = RegistryHistoryVersion.objects.create(trial=trial, version_rank=1, url="https://example.com")

    assert DocumentTextPage.objects.get(pk=(document.pk, 2)).text == "two"
    assert DocumentTable.objects.filter(pk__in=[(document.pk, 1, 0)]).count() == 1
    assert RegistryHistoryVersion.objects.get(trial=trial) == version
    assert [page.page_no for page in document.text_pages.all()] == [1, 2]


def test_row_with_composite_key_is_created_once_and_deleted() -> None:
    company = make_company()
    link = CompanySecurity.objects.create(company=company, security_id="42")

    with pytest.raises(IntegrityError), transaction.atomic():
        CompanySecurity.objects.create(company=company, security_id="42")
    assert link.linked_at is not None
    assert CompanySecurity.objects.filter(pk=(company.pk, "42")).delete() == (1, {"securities.CompanySecurity": 1})


def test_citation_shares_the_key_of_its_document() -> None:
    document = make_document()
    DocumentCitation.objects.create(doc=document, doi="10.1000/1")

    assert Document.objects.get(citation__doi="10.1000/1").citation.pk == document.pk


def test_tickers_of_a_company() -> None:
    security = make_security("ACME")
    CompanySecurity.objects.create(company=security.company, security_id=str(security.security_id))

    ticker = CompanyTicker.objects.get(company=security.company)

    assert ticker.pk == (security.company.pk, str(security.security_id))
    assert (ticker.ticker, ticker.company_name) == ("ACME", security.company.name)
    assert (ticker.issuer_name, ticker.exchange, ticker.active) == (None, None, None)


def test_ultimate_parent() -> None:
    top, middle, low = make_company(), make_company(), make_company()
    CompanyRelationship.objects.create(parent_company=top, child_company=middle)
    CompanyRelationship.objects.create(parent_company=middle, child_company=low)

    assert CompanyCanonical.objects.select_related("canonical").get(company=low).canonical == top
    assert low.canonical.canonical_id == top.pk
    assert CompanyRelationship.objects.get(child_company=low).rel_type == "subsidiary"


def test_precision_of_a_heuristic() -> None:
    for label in (True, True, False, None):
        make_link_audit(label=label)

    precision = HeuristicPrecision.objects.get(pk="HP-2")

    assert (precision.total_links, precision.correct_links, precision.unreviewed_links) == (4, 2, 1)
    assert precision.precision_rate == Decimal("0.6667")


def test_pattern_replaces_the_missing_key() -> None:
    before = ResolverIgnoredSponsor.objects.count()
    ResolverIgnoredSponsor.objects.create(pattern="^charity", comment="charities")

    assert before == 2
    assert ResolverIgnoredSponsor.objects.get(pk="^charity").comment == "charities"


def test_key_is_true() -> None:
    IngestState.objects.create(id=True)

    assert IngestState.objects.get(pk=True).cursor_last_update_posted is None


def test_schema_version_and_log() -> None:
    assert SchemaVersion.objects.count() == 1
    assert MigrationLog.objects.filter(revision=SchemaVersion.objects.get().version_num, outcome="done").exists()


def test_entities_of_a_document() -> None:
    document = make_document("Aspirin in NCT00000001")
    sql.execute(
        "INSERT INTO document_entities (doc_id, ent_type, value_text, page_no, char_start, char_end, confidence) "
        "VALUES (%s, 'trial', 'NCT00000001', 1, 11, 22, 0.9), (%s, 'drug', 'Aspirin', 1, 0, 7, NULL)",
        [document.pk, document.pk],
    )

    entities = list_document_entities(document.pk)

    assert [(entity.value_text, entity.confidence) for entity in entities] == [
        ("Aspirin", None),
        ("NCT00000001", Decimal("0.90")),
    ]
    assert list_document_entities(document.pk + 1) == []


def test_domains_of_a_company() -> None:
    company = make_company(website_domain="Acme.com")
    CompanyAlias.objects.create(company=company, alias="ACME.org", alias_norm="acme.org", alias_type="domain")

    assert list_domains(company.pk) == [
        DomainAlias(company_id=company.pk, domain_root="acme.com", src="company"),
        DomainAlias(company_id=company.pk, domain_root="acme.org", src="alias"),
    ]
