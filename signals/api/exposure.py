"""What a company has at stake, as its page tells it: its trials and those of its subsidiaries, and its documents."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.contrib.auth.models import User
from ninja import Schema
from pydantic import Field

from ncfd_site.api.operations import Number
from signals.api import trials
from signals.companies import risk
from signals.companies.documents import documents_of
from storage.api import VIEW as VIEW_DOCUMENTS


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
