"""Links that heuristics proposed, and how good the heuristics are."""

from datetime import datetime
from typing import Any, Literal

from django.http import Http404, HttpRequest
from ninja import Query, Schema
from pydantic import Field

from linkaudit.models import LinkAudit
from linkaudit.precision.as_json import report_json, verdicts_json
from linkaudit.precision.reports import all_verdicts, report_on
from linkaudit.precision.windows import Window, WindowForm
from linkaudit.selection import LABEL_VALUES, LABELS, LinkFilter, selected_links
from ncfd_site.api import keyset
from ncfd_site.api.operations import Key, ListParams, Number, Page, Word, declare_get, register_router
from ncfd_site.api.problems import BadRequest

router = register_router("links", 80)
VIEW = "linkaudit.view_linkaudit"
Label = Literal["open", "right", "wrong", "labelled", "any"]
Sort = Literal["audit_id", "-audit_id", "confidence", "-confidence"]
WORDS = {value: word for word, value in LABEL_VALUES.items()}


class LinkItem(Schema):
    """A claim that a document ties an asset to a trial."""

    audit_id: int
    nct_id: str | None
    asset_id: int
    asset: str
    doc_id: int
    link_type: str
    confidence: Number
    heuristic: str | None
    promotion_status: str
    label: str = Field(description="What a person said: open, right or wrong.")
    label_source: str | None
    reviewed_by: str | None
    reviewed_at: datetime | None
    created_at: datetime
    updated_at: datetime


class Link(LinkItem):
    """A claim with what it rests on."""

    evidence: Any = Field(description="What the claim rests on, in the words of its heuristic.")


class Links(Page):
    """Some links."""

    items: list[LinkItem]


class LinksAsked(ListParams):
    """Which links."""

    q: Word = Field("", description="A trial number or its beginning, or a part of a name of the asset.")
    heuristic: Word = ""
    label: Label = Field("any", description=", ".join(LABELS))
    status: LinkAudit.PromotionStatus | None = None
    sort: Sort = "audit_id"


class Precision(Schema):
    """How good a heuristic is, as its page has it."""

    heuristic: str
    total_links: int
    reviewed_links: int
    correct_links: int
    incorrect_links: int
    unreviewed_links: int
    precision_rate: Number
    wilson: Any
    policy: Any
    evidence: Any
    promoted: Any


class PrecisionReport(Precision):
    """How good a heuristic is over a window, and over what."""

    window: Any
    exact: Any
    exact_lower_bound: Number
    by_confidence: list[Any]
    by_link_type: list[Any]
    by_month: list[Any]
    labels: list[Any]
    samples: list[Any]


class Heuristics(Schema):
    """All heuristics."""

    items: list[Precision]


class WindowAsked(Schema):
    """The span that labels are counted over."""

    from_: Word = Field("", alias="from", description="Links made from this day or moment on.")
    to: Word = Field("", description="Links made until then, that day included.")


@declare_get(router, "/links", VIEW, Links, "Links, with their labels")
def links(request: HttpRequest, asked: Query[LinksAsked]) -> object:
    """What heuristics claim, and what people said of it."""
    status = asked.status.value if asked.status else ""
    found = selected_links(LinkFilter(asked.heuristic, status, asked.label, asked.q))
    found = found.defer("evidence_jsonb", "review_notes").select_related("asset")
    falling = asked.sort.startswith("-")
    by_key = [keyset.Key("pk", falling)]
    keys = by_key if asked.sort.endswith("audit_id") else [keyset.Key("confidence", falling), *by_key]
    page = keyset.page(request, found, keys, asked.limit, asked.cursor)
    return {"items": [_item(link) for link in page.rows], "next": page.next}


@declare_get(router, "/links/{audit_id}", VIEW, Link, "One link with its evidence")
def link(request: HttpRequest, audit_id: Key) -> object:
    """One claim."""
    found = LinkAudit.objects.select_related("asset").filter(pk=audit_id).first()
    if found is None:
        raise Http404(f"There is no link {audit_id}.")
    return {**_item(found), "evidence": found.evidence_jsonb}


@declare_get(router, "/heuristics", VIEW, Heuristics, "Precision of every heuristic")
def heuristics(request: HttpRequest) -> object:
    """Counts, intervals and verdicts, over all time."""
    return {"items": [verdicts_json(verdicts) for verdicts in all_verdicts()]}


@declare_get(router, "/heuristics/{name}", VIEW, PrecisionReport, "Precision of one heuristic")
def heuristic(request: HttpRequest, name: str, asked: Query[WindowAsked]) -> object:
    """Counts over a window; the verdicts are over all time."""
    form = WindowForm({"from": asked.from_, "to": asked.to})
    if not form.is_valid():
        where, errors = next(iter(form.errors.items()))
        raise BadRequest(str(errors[0]), where)
    report = report_on(name, form.window() if (asked.from_ or asked.to) else Window())
    if report is None:
        raise Http404("No heuristic of that name has proposed a link.")
    return report_json(report)


def _item(link: LinkAudit) -> dict[str, Any]:
    plain = (
        "nct_id asset_id doc_id link_type confidence promotion_status label_source reviewed_by reviewed_at created_at "
        "updated_at"
    )
    return {
        **{name: getattr(link, name) for name in plain.split()},
        "audit_id": link.pk,
        "asset": link.asset.name,
        "heuristic": link.heuristic_applied,
        "label": WORDS[link.label],
    }
