"""Rows for tests of companies: what is listed of them when, trials with a score, relationships."""

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from typing import Any

from psycopg.types.range import DateRange

from ncfd_site.core import sql
from securities.models import Company, CompanyRelationship, CompanySecurity, Exchange, Security
from signals.models import Score, Trial
from tests import factories

_runs = count(1)


def make_security(
    ticker: str,
    company: Company | None = None,
    since: date | None = date(2020, 1, 1),
    after: date | None = None,
    **fields: Any,
) -> Security:
    """Make a security from its first day until the day before `after`, with a link to its company."""
    exchange = fields.pop("exchange", "NASDAQ")
    linked = fields.pop("linked", True)
    security = Security.objects.create(
        **{
            "company": company or factories.make_company(),
            "ticker": ticker,
            "ticker_norm": ticker.upper(),
            "exchange": Exchange.objects.get(code=exchange),
            "effective_range": DateRange(since, after),
            **fields,
        }
    )
    if linked:
        CompanySecurity.objects.create(company=security.company, security_id=str(security.pk))
    return security


def make_scored_trial(company: Company | None, p_fail: str = "", **fields: Any) -> Trial:
    """Make a trial of a company, with a score where `p_fail` is given."""
    trial = factories.make_trial(sponsor_company=company, **fields)
    if p_fail:
        Score.objects.create(
            trial=trial,
            run_id=f"run-{next(_runs)}",
            prior_pi=Decimal("0.4"),
            logit_prior=Decimal("-0.405465"),
            sum_log_lr=Decimal(0),
            logit_post=Decimal("-0.405465"),
            p_fail=Decimal(p_fail),
            scored_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
    return trial


def relate(parent: Company, child: Company, kind: str = "subsidiary", **days: date | None) -> None:
    """Put one company over another."""
    CompanyRelationship.objects.create(parent_company=parent, child_company=child, rel_type=kind, **days)


def link_document(doc_id: int, *, company: Company | None = None, nct_id: str | None = None) -> None:
    """Link a document to a company or a trial."""
    sql.execute(
        "INSERT INTO document_links (doc_id, nct_id, company_id, link_type, confidence) VALUES (%s, %s, %s, %s, 1)",
        [doc_id, nct_id, company.pk if company else None, "issuer" if company else "registry_record"],
    )
