"""The company resource: its names, securities, relatives, trials and documents."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

from django.contrib.auth.models import User
from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Path, Schema
from pydantic import Field

from ncfd_site.api.operations import Number, declare_get
from ncfd_site.core.permissions import current_user
from securities.api import VIEW, CompanyItem, SecurityItem, company_item, router, security_item
from securities.models import Company, CompanyAlias
from securities.queries.corporate_structure import RelatedCompany, load_corporate_structure
from securities.queries.listings import list_company_listings
from signals.api import trials
from signals.companies import risk
from signals.companies.documents import documents_of
from storage.api import VIEW as VIEW_DOCUMENTS

MOST_ALIASES = 200
Cik = Annotated[int, Path(ge=1, le=9_999_999_999)]


class CompanyTrialItem(Schema):
    """A trial of the company or of a subsidiary."""

    nct_id: str
    phase: str | None
    status: str | None
    indication: str | None
    next_readout: date | None
    p_fail: Number
    change: Number = Field(description="Since the run before.")


class ExposureItem(Schema):
    """The trials of a company and of its subsidiaries together."""

    trials: int = Field(description="How many, 5,000 at most.")
    has_more: bool = Field(description="There are more than were counted.")
    bands: dict[str, int] = Field(description="How many by band of p_fail: 97, 75, 50 and 0 and more, none: no score.")
    riskiest: list[CompanyTrialItem] = Field(description="The riskiest 50; all are under trials?sponsor=CIK.")
    next_readouts: list[CompanyTrialItem] = Field(description="The next 5.")


class CompanyDocumentItem(Schema):
    """A document about the company, a subsidiary or one of their trials."""

    doc_id: int
    source_type: str
    source_url: str | None
    publisher: str | None
    published_at: datetime | None
    title: str
    nct_id: str | None = Field(description="The trial that it is about; null where only the company is named.")


class Alias(Schema):
    """Another name of the company."""

    alias: str
    alias_type: str
    start_date: date | None
    end_date: date | None
    confidence: Number
    source: str | None
    source_url: str | None


class RelativeItem(Schema):
    """A company above or below."""

    cik: int
    name: str
    steps: int = Field(description="1 for the next one.")
    rel_type: str
    start_date: date | None
    end_date: date | None


class CompanyDetail(CompanyItem):
    """A company with its names, its securities over time, its relatives, trials and documents."""

    canonical: bool = Field(description="Whether nobody stands above it.")
    aliases: list[Alias]
    securities: list[SecurityItem]
    parents: list[RelativeItem]
    children: list[RelativeItem]
    exposure: ExposureItem | None = Field(description="Its trials; null for who may not see scores.")
    documents: list[CompanyDocumentItem] | None = Field(
        description="The latest about it and its trials; null for who may not see documents."
    )


@declare_get(router, "/companies/{cik}", VIEW, CompanyDetail, "One company")
def company(request: HttpRequest, cik: Cik) -> object:
    """A company with aliases, securities over time, who stands above and below it, its trials and documents."""
    found = Company.objects.defer("metadata").filter(cik=cik).first()
    if found is None:
        raise Http404(f"No company has the CIK {cik}.")
    spans = list_company_listings(found.pk)
    today = timezone.now().date()
    structure = load_corporate_structure(found.pk)
    members, asks = [found.pk, *structure.subsidiaries], current_user(request)
    aliases = CompanyAlias.objects.filter(company=found).order_by("alias_norm", "pk")[:MOST_ALIASES]
    return {
        **company_item(found, [span for span in spans if span.status == "active" and span.includes(today)]),
        "canonical": structure.canonical_id == found.pk,
        "aliases": list(aliases),
        "securities": [security_item(span) for span in spans],
        "parents": _relatives(structure.parents),
        "children": _relatives(structure.children),
        "exposure": exposure_of(asks, members, today),
        "documents": documents_about(asks, members),
    }


def exposure_of(person: User, company_ids: Sequence[int], today: date) -> dict[str, Any] | None:
    """Return an `ExposureItem` of these companies; None for a person who may not see risk."""
    if not person.has_perm(trials.VIEW):
        return None
    found = risk.exposure(company_ids, today)
    return {
        "trials": min(found.total, risk.MOST),
        "has_more": found.has_more,
        "bands": {band.name: count for band, count in found.bands.items()},
        "riskiest": [_trial(one) for one in found.riskiest],
        "next_readouts": [_trial(one) for one in found.next_readouts],
    }


def documents_about(person: User, company_ids: Sequence[int]) -> list[dict[str, Any]] | None:
    """Return the latest documents as `CompanyDocumentItem`; None for a person who may not see documents."""
    if not person.has_perm(VIEW_DOCUMENTS):
        return None
    names = list(CompanyDocumentItem.model_fields)
    return [{name: getattr(one, name) for name in names} for one in documents_of(company_ids)]


def _trial(trial: risk.CompanyTrial) -> dict[str, Any]:
    plain = "nct_id phase status indication p_fail change"
    return {**{name: getattr(trial, name) for name in plain.split()}, "next_readout": trial.readout}


def _relatives(found: list[RelatedCompany]) -> list[dict[str, Any]]:
    plain = "cik name steps rel_type start_date end_date"
    return [{name: getattr(one, name) for name in plain.split()} for one in found if not one.is_cycle]
