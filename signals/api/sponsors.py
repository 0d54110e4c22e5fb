"""API of sponsors without a company: the resolver's review queue and decisions, and unresolved sponsors of trials."""

from datetime import datetime
from typing import Any, Literal

from django.http import Http404, HttpRequest
from ninja import Query, Schema
from pydantic import Field

from ncfd_site.api import keyset
from ncfd_site.api.operations import Key, ListParams, Number, Page, Word, declare_get, pick, register_router
from securities.models import ResolverDecision, ReviewQueueItem
from securities.queries.sponsor_queue import build_search_condition
from signals.companies.queries import list_unresolved_sponsors

router = register_router("sponsors", 60)
VIEW, VIEW_RISK = "securities.view_reviewqueueitem", "signals.view_score"
NEWEST_FIRST = [keyset.Key("pk", descending=True)]
MAX_DECISIONS = 50


class SponsorItem(Schema):
    """An item of the sponsor review queue."""

    rq_id: int
    run_id: str
    nct_id: str
    sponsor_text: str | None
    reason: str | None
    status: str
    candidates: Any = Field(description="Candidate companies as the resolver stored them.")
    created_at: datetime
    resolved_at: datetime | None


class Decision(Schema):
    """A decision of the resolver or of a reviewer."""

    decision_id: int
    run_id: str
    nct_id: str
    sponsor_text: str
    company: str | None
    cik: int | None
    match_type: str
    p_match: Number
    top2_margin: Number
    decided_by: str
    decided_at: datetime
    evidence: Any


class SponsorDetail(SponsorItem):
    """An item of the queue with the decisions on its sponsor in any run, newest first."""

    decisions: list[Decision]


class Sponsors(Page):
    """A page of the queue."""

    items: list[SponsorItem]


class SponsorsParams(ListParams):
    """Filters of the queue."""

    status: ReviewQueueItem.Status | None = Field(None, description="pending, resolved or skipped (default: any).")
    q: Word = Field("", description="NCT ID, or part of the sponsor's name.")
    nct_id: Word = Field("", description="Filter by trial.")


class Decisions(Page):
    """A page of decisions."""

    items: list[Decision]


class DecisionsParams(ListParams):
    """Filters of decisions."""

    q: Word = Field("", description="NCT ID, or part of the sponsor's name.")
    company: Literal["", "none", "any"] = Field("", description="none: without company; any: with one.")


class UnresolvedItem(Schema):
    """A sponsor of trials without a company."""

    sponsor: str
    trials: int = Field(description="Number of its trials among those searched.")
    p_fail: Number = Field(description="Highest among them.")
    nct_id: str = Field(description="Trial with that p_fail.")
    ignored: str | None = Field(description="Which sponsors the resolver skips, if this is one of them.")


class Unresolved(Schema):
    """Sponsors of trials without a company, riskiest first."""

    items: list[UnresolvedItem]


class UnresolvedParams(Schema):
    """Search of unresolved sponsors."""

    q: Word = Field("", description="NCT ID, or words of the sponsor's name (default: the riskiest trials).")


@declare_get(router, "/sponsors", VIEW, Sponsors, "Sponsor review queue")
def sponsors(request: HttpRequest, params: Query[SponsorsParams]) -> object:
    """Return sponsors that the resolver could not resolve, newest first."""
    rows = ReviewQueueItem.objects.all()
    if params.status:
        rows = rows.filter(status=params.status)
    if params.nct_id:
        rows = rows.filter(nct_id=params.nct_id)
    if params.q.strip():
        rows = rows.filter(build_search_condition(params.q.strip()))
    page = keyset.page(request, rows, NEWEST_FIRST, params.limit, params.cursor)
    return {"items": page.rows, "next": page.next}


@declare_get(router, "/sponsors/{rq_id}", VIEW, SponsorDetail, "Sponsor review item")
def sponsor(request: HttpRequest, rq_id: Key) -> object:
    """Return one item of the queue with the decisions on its sponsor."""
    item = ReviewQueueItem.objects.filter(pk=rq_id).first()
    if item is None:
        raise Http404(f"The review queue has no item {rq_id}.")
    decisions = ResolverDecision.objects.filter(nct_id=item.nct_id).select_related("company")
    if item.sponsor_text_norm:
        decisions = decisions.filter(sponsor_text_norm=item.sponsor_text_norm)
    return {
        **pick(item, " ".join(SponsorItem.model_fields)),
        "decisions": [_serialize_decision(one) for one in decisions.order_by("-pk")[:MAX_DECISIONS]],
    }


@declare_get(router, "/sponsor-decisions", VIEW, Decisions, "Resolver decisions")
def sponsor_decisions(request: HttpRequest, params: Query[DecisionsParams]) -> object:
    """Return decisions of the resolver and of reviewers, newest first."""
    rows = ResolverDecision.objects.select_related("company")
    if params.q.strip():
        rows = rows.filter(build_search_condition(params.q.strip()))
    if params.company:
        rows = rows.filter(company__isnull=params.company == "none")
    page = keyset.page(request, rows, NEWEST_FIRST, params.limit, params.cursor)
    return {"items": [_serialize_decision(one) for one in page.rows], "next": page.next}


@declare_get(router, "/unresolved-sponsors", VIEW_RISK, Unresolved, "Unresolved sponsors")
def unresolved(request: HttpRequest, params: Query[UnresolvedParams]) -> object:
    """Return sponsors without a company, riskiest first: of the riskiest trials, of one trial, or by name."""
    names = " ".join(UnresolvedItem.model_fields)
    found = list_unresolved_sponsors(params.q.strip())
    return {"items": [{**pick(one, names), "ignored": one.ignored or None} for one in found]}


def _serialize_decision(decision: ResolverDecision) -> dict[str, Any]:
    names = "decision_id run_id nct_id sponsor_text match_type p_match top2_margin decided_by decided_at"
    return {
        **pick(decision, names),
        "company": decision.company.name if decision.company else None,
        "cik": decision.company.cik if decision.company else None,
        "evidence": decision.evidence_jsonb,
    }
