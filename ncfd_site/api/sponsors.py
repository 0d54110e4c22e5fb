"""Sponsors that no company was found for: the review queue of the resolver, and what it decided."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from ncfd_site.api import keyset
from ncfd_site.api.operations import Asked, Items, Key, Number, Word, reads
from securities.models import ResolverDecision, ReviewQueueItem

router = Router(tags=["sponsors"])
VIEW = "securities.view_reviewqueueitem"
NEWEST_FIRST = [keyset.Key("pk", descending=True)]


class SponsorItem(Schema):
    """A sponsor of a trial that waits, or waited, for a person."""

    rq_id: int
    run_id: str
    nct_id: str
    sponsor_text: str | None
    reason: str | None
    status: str
    candidates: Any = Field(description="Companies that come into question, in the words of the resolver.")
    created_at: datetime
    resolved_at: datetime | None


class Decision(Schema):
    """What the resolver, or a person, decided of a sponsor."""

    decision_id: int
    run_id: str
    sponsor_text: str
    company: str | None
    cik: int | None
    match_type: str
    p_match: Number
    top2_margin: Number
    decided_by: str
    decided_at: datetime
    evidence: Any


class SponsorCase(SponsorItem):
    """A sponsor with what was decided in the same run."""

    decisions: list[Decision]


class Sponsors(Items):
    """Some sponsors."""

    items: list[SponsorItem]


class SponsorsAsked(Asked):
    """Which sponsors."""

    status: ReviewQueueItem.Status | None = Field(None, description="pending, resolved or skipped; any if left out.")
    nct_id: Word = ""


@reads(router, "/sponsors", VIEW, Sponsors, "Sponsors without a company, the newest first")
def sponsors(request: HttpRequest, asked: Query[SponsorsAsked]) -> object:
    """The review queue of the sponsor resolver."""
    found = ReviewQueueItem.objects.all()
    if asked.status:
        found = found.filter(status=asked.status)
    if asked.nct_id:
        found = found.filter(nct_id=asked.nct_id)
    page = keyset.page(request, found, NEWEST_FIRST, asked.limit, asked.cursor)
    return {"items": page.rows, "next": page.next}


@reads(router, "/sponsors/{rq_id}", VIEW, SponsorCase, "One sponsor, with what was decided")
def sponsor(request: HttpRequest, rq_id: Key) -> object:
    """One item of the queue with the decisions of its run on its trial."""
    found = ReviewQueueItem.objects.filter(pk=rq_id).first()
    if found is None:
        raise Http404(f"The review queue has no item {rq_id}.")
    decisions = ResolverDecision.objects.filter(nct_id=found.nct_id, run_id=found.run_id).select_related("company")
    names = list(SponsorItem.model_fields)
    return {
        **{name: getattr(found, name) for name in names},
        "decisions": [_decision(one) for one in decisions.order_by("-pk")[:50]],
    }


def _decision(decision: ResolverDecision) -> dict[str, Any]:
    plain = "decision_id run_id sponsor_text match_type p_match top2_margin decided_by decided_at"
    return {
        **{name: getattr(decision, name) for name in plain.split()},
        "company": decision.company.name if decision.company else None,
        "cik": decision.company.cik if decision.company else None,
        "evidence": decision.evidence_jsonb,
    }
