"""API of one company: names, securities, corporate structure, trials and documents."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

from django.contrib.auth.models import User
from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Path, Schema
from pydantic import Field

from ncfd_site.api.operations import Number, declare_get, pick
from ncfd_site.core.permissions import current_user
from securities.api import VIEW, CompanyItem, SecurityItem, build_company_item, build_security_item, router
from securities.models import Company, CompanyAlias
from securities.queries.corporate_structure import RelatedCompany, load_corporate_structure
from securities.queries.listings import list_company_listings
from signals.api import trials
from signals.companies import risk
from signals.companies.queries import list_company_documents
from storage.api import VIEW as VIEW_DOCUMENTS

MAX_ALIASES = 200
Cik = Annotated[int, Path(ge=1, le=9_999_999_999)]


class CompanyTrialItem(Schema):
    """A trial of the company or of a subsidiary."""

    nct_id: str
    phase: str | None
    status: str | None
    indication: str | None
    next_readout: date | None
    p_fail: Number
    change: Number = Field(description="Since the previous run.")


class ExposureItem(Schema):
    """The trials of a company and its subsidiaries."""

    trials: int = Field(description="Number of trials, at most 5,000.")
    has_more: bool = Field(description="There are more trials than counted.")
    bands: dict[str, int] = Field(description="Trials by band of p_fail: 97, 75, 50, 0 and none (not scored).")
    riskiest: list[CompanyTrialItem] = Field(description="Riskiest 50; trials?sponsor=CIK returns all.")
    next_readouts: list[CompanyTrialItem] = Field(description="Next 5 readouts.")


class CompanyDocumentItem(Schema):
    """A document about the company, a subsidiary or one of their trials."""

    doc_id: int
    source_type: str
    source_url: str | None
    publisher: str | None
    published_at: datetime | None
    title: str
    nct_id: str | None = Field(description="Trial of the document; null if only the company is named.")


class Alias(Schema):
    """Another name of the company."""

    alias: str
    alias_type: str
    start_date: date | None
    end_date: date | None
    confidence: Number
    source: str | None
    source_url: str | None


class RelatedCompanyItem(Schema):
    """A parent or subsidiary."""

    cik: int
    name: str
    steps: int = Field(description="Distance; 1 for a direct relationship.")
    rel_type: str
    start_date: date | None
    end_date: date | None


class CompanyDetail(CompanyItem):
    """A company with names, securities over time, corporate structure, trials and documents."""

    canonical: bool = Field(description="The company is its own ultimate parent.")
    aliases: list[Alias]
    securities: list[SecurityItem]
    parents: list[RelatedCompanyItem]
    children: list[RelatedCompanyItem]
    exposure: ExposureItem | None = Field(description="Null without permission to view scores.")
    documents: list[CompanyDocumentItem] | None = Field(
        description="Latest documents; null without permission to view documents."
    )


@declare_get(router, "/companies/{cik}", VIEW, CompanyDetail, "Company")
def company(request: HttpRequest, cik: Cik) -> object:
    """Return a company with aliases, securities over time, parents, subsidiaries, trials and documents."""
    found = Company.objects.defer("metadata").filter(cik=cik).first()
    if found is None:
        raise Http404(f"There is no company with the CIK {cik}.")
    today, user = timezone.now().date(), current_user(request)
    periods = list_company_listings(found.pk)
    structure = load_corporate_structure(found.pk)
    group = [found.pk, *structure.subsidiaries]
    active = [period for period in periods if period.status == "active" and period.includes(today)]
    return {
        **build_company_item(found, active),
        "canonical": structure.canonical_id == found.pk,
        "aliases": list(CompanyAlias.objects.filter(company=found).order_by("alias_norm", "pk")[:MAX_ALIASES]),
        "securities": [build_security_item(period) for period in periods],
        "parents": _serialize_related_companies(structure.parents),
        "children": _serialize_related_companies(structure.children),
        "exposure": _serialize_exposure(user, group, today),
        "documents": [pick(one, " ".join(CompanyDocumentItem.model_fields)) for one in list_company_documents(group)]
        if user.has_perm(VIEW_DOCUMENTS)
        else None,
    }


def _serialize_exposure(user: User, company_ids: Sequence[int], today: date) -> dict[str, Any] | None:
    if not user.has_perm(trials.VIEW):
        return None
    found = risk.load_exposure(company_ids, today)
    return {
        "trials": min(found.total, risk.PAGE_LIMIT),
        "has_more": found.has_more,
        "bands": {band.name: count for band, count in found.bands.items()},
        "riskiest": [_serialize_trial(one) for one in found.riskiest],
        "next_readouts": [_serialize_trial(one) for one in found.next_readouts],
    }


def _serialize_trial(trial: risk.CompanyTrial) -> dict[str, Any]:
    return {**pick(trial, "nct_id phase status indication p_fail change"), "next_readout": trial.readout}


def _serialize_related_companies(companies: list[RelatedCompany]) -> list[dict[str, Any]]:
    return [pick(one, "cik name steps rel_type start_date end_date") for one in companies if not one.is_cycle]
