"""Sponsors that no company was found for: the review queue of the resolver, what it decided, and whose trials wait."""

from datetime import datetime
from typing import Any, Literal

from django.http import Http404, HttpRequest
from ninja import Query, Schema
from pydantic import Field

from ncfd_site.api import keyset
from ncfd_site.api.operations import Key, ListParams, Number, Page, Word, declare_get, register_router
from securities.models import ResolverDecision, ReviewQueueItem
from securities.queries.sponsor_queue import search_filter
from signals.companies.unresolved import unresolved_sponsors

router = register_router("sponsors", 60)
VIEW, VIEW_RISK = "securities.view_reviewqueueitem", "signals.view_score"
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


class SponsorCase(SponsorItem):
    """A sponsor with what was decided of it, in whatever run, the newest first."""

    decisions: list[Decision]


class Sponsors(Page):
    """Some sponsors."""

    items: list[SponsorItem]


class SponsorsAsked(ListParams):
    """Which sponsors."""

    status: ReviewQueueItem.Status | None = Field(None, description="pending, resolved or skipped; any if left out.")
    q: Word = Field("", description="A trial number, or a part of the sponsor's name.")
    nct_id: Word = ""


class Decisions(Page):
    """Some decisions."""

    items: list[Decision]


class DecisionsAsked(ListParams):
    """Which decisions."""

    q: Word = Field("", description="A trial number, or a part of the sponsor's name.")
    company: Literal["", "none", "any"] = Field("", description="Decided for no company, or for one.")


class UnresolvedItem(Schema):
    """A sponsor as the registry names it, that is no company yet."""

    sponsor: str
    trials: int = Field(description="How many of its trials are among those that were looked at.")
    p_fail: Number = Field(description="The highest among them.")
    nct_id: str = Field(description="The trial with that.")
    ignored: str | None = Field(description="Which sponsors are left alone on purpose, where this is one of them.")


class Unresolved(Schema):
    """Sponsors of trials without a company, the riskiest first."""

    items: list[UnresolvedItem]


class UnresolvedAsked(Schema):
    """Which sponsors."""

    q: Word = Field("", description="A trial number, or words of the sponsor; of the riskiest trials if left out.")


@declare_get(router, "/sponsors", VIEW, Sponsors, "Sponsors without a company, the newest first")
def sponsors(request: HttpRequest, asked: Query[SponsorsAsked]) -> object:
    """The review queue of the sponsor resolver."""
    found = ReviewQueueItem.objects.all()
    if asked.status:
        found = found.filter(status=asked.status)
    if asked.nct_id:
        found = found.filter(nct_id=asked.nct_id)
    if asked.q.strip():
        found = found.filter(search_filter(asked.q.strip()))
    page = keyset.page(request, found, NEWEST_FIRST, asked.limit, asked.cursor)
    return {"items": page.rows, "next": page.next}


@declare_get(router, "/sponsors/{rq_id}", VIEW, SponsorCase, "One sponsor, with what was decided")
def sponsor(request: HttpRequest, rq_id: Key) -> object:
    """One item of the queue with the decisions on its sponsor in its trial."""
    found = ReviewQueueItem.objects.filter(pk=rq_id).first()
    if found is None:
        raise Http404(f"The review queue has no item {rq_id}.")
    decisions = ResolverDecision.objects.filter(nct_id=found.nct_id).select_related("company")
    if found.sponsor_text_norm:
        decisions = decisions.filter(sponsor_text_norm=found.sponsor_text_norm)
    names = list(SponsorItem.model_fields)
    return {
        **{name: getattr(found, name) for name in names},
        "decisions": [_decision(one) for one in decisions.order_by("-pk")[:50]],
    }


@declare_get(router, "/sponsor-decisions", VIEW, Decisions, "What was decided of sponsors, the newest first")
def sponsor_decisions(request: HttpRequest, asked: Query[DecisionsAsked]) -> object:
    """Decisions of the resolver and of people, in the queue or not."""
    found = ResolverDecision.objects.select_related("company")
    if asked.q.strip():
        found = found.filter(search_filter(asked.q.strip()))
    if asked.company:
        found = found.filter(company__isnull=asked.company == "none")
    page = keyset.page(request, found, NEWEST_FIRST, asked.limit, asked.cursor)
    return {"items": [_decision(one) for one in page.rows], "next": page.next}


@declare_get(router, "/unresolved-sponsors", VIEW_RISK, Unresolved, "Sponsors of trials without a company")
def unresolved(request: HttpRequest, asked: Query[UnresolvedAsked]) -> object:
    """Of the riskiest trials, of one trial, or those that have the words; the riskiest first."""
    names = list(UnresolvedItem.model_fields)
    found = unresolved_sponsors(asked.q.strip())
    return {
        "items": [{**{name: getattr(one, name) for name in names}, "ignored": one.ignored or None} for one in found]
    }


def _decision(decision: ResolverDecision) -> dict[str, Any]:
    plain = "decision_id run_id nct_id sponsor_text match_type p_match top2_margin decided_by decided_at"
    return {
        **{name: getattr(decision, name) for name in plain.split()},
        "company": decision.company.name if decision.company else None,
        "cik": decision.company.cik if decision.company else None,
        "evidence": decision.evidence_jsonb,
    }
