"""API of links and of heuristics' precision."""

from datetime import datetime
from typing import Any, Literal

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from ninja import Query, Schema
from pydantic import Field

from linkaudit.blinding import BLIND, is_blind
from linkaudit.models import LinkAudit
from linkaudit.precision.forms import Window, WindowForm
from linkaudit.precision.reports import assess_all, build_report
from linkaudit.precision.serializers import serialize_assessment, serialize_report
from linkaudit.selection import LABEL_NAMES, LABELS, LinkFilter, select_links
from ncfd_site.api import keyset
from ncfd_site.api.operations import Key, ListParams, Number, Page, Word, declare_get, pick, register_router
from ncfd_site.api.problems import BadRequest
from ncfd_site.core.permissions import current_user

router = register_router("links", 80)
VIEW = "linkaudit.view_linkaudit"
Label = Literal["open", "right", "wrong", "labeled", "any"]
Sort = Literal["audit_id", "-audit_id", "confidence", "-confidence"]


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
    label: str = Field(description="open, right or wrong.")
    label_source: str | None
    reviewed_by: str | None
    reviewed_at: datetime | None
    created_at: datetime
    updated_at: datetime


class Link(LinkItem):
    """A link with its evidence."""

    evidence: Any = Field(description="Evidence, in the format of the heuristic.")


class Links(Page):
    """A page of links."""

    items: list[LinkItem]


class LinkParams(ListParams):
    """Filter and order of links."""

    q: Word = Field("", description="NCT ID or its start, or a part of a name of the asset.")
    heuristic: Word = ""
    label: Label = Field("any", description=", ".join(LABELS))
    status: LinkAudit.PromotionStatus | None = None
    sort: Sort = "audit_id"


class Precision(Schema):
    """Precision of a heuristic over all links."""

    heuristic: str
    total_links: int
    reviewed_links: int
    correct_links: int
    incorrect_links: int
    unreviewed_links: int
    precision_rate: Number
    wilson: Any
    promotion_rule: Any
    sample_evidence: Any
    promoted: Any


class PrecisionReport(Precision):
    """Precision of a heuristic over a window, with breakdowns; rule and evidence are over all links."""

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


class WindowParams(Schema):
    """Window of creation times."""

    from_: Word = Field("", alias="from", description="First date or time of creation.")
    to: Word = Field("", description="Last date or time of creation, included.")


@declare_get(router, "/links", VIEW, Links, "Links with their labels")
def links(request: HttpRequest, params: Query[LinkParams]) -> object:
    """Return links with their labels, without those that an open sample can ask the caller."""
    status = params.status.value if params.status else ""
    found = select_links(LinkFilter(params.heuristic, status, params.label, params.q), current_user(request))
    found = found.defer("evidence_jsonb", "review_notes").select_related("asset")
    descending = params.sort.startswith("-")
    keys = [keyset.Key("pk", descending)]
    if not params.sort.endswith("audit_id"):
        keys.insert(0, keyset.Key("confidence", descending))
    page = keyset.page(request, found, keys, params.limit, params.cursor)
    return {"items": [_serialize_link(link) for link in page.rows], "next": page.next}


@declare_get(router, "/links/{audit_id}", VIEW, Link, "One link with its evidence")
def link(request: HttpRequest, audit_id: Key) -> object:
    """Return one link with its evidence."""
    found = LinkAudit.objects.select_related("asset").filter(pk=audit_id).first()
    if found is None:
        raise Http404(f"There is no link {audit_id}.")
    if is_blind(audit_id, current_user(request)):
        raise PermissionDenied(BLIND.format(audit_id))
    return {**_serialize_link(found), "evidence": found.evidence_jsonb}


@declare_get(router, "/heuristics", VIEW, Heuristics, "Precision of every heuristic")
def heuristics(request: HttpRequest) -> object:
    """Return counts, intervals, promotion rule and sample evidence over all links."""
    return {"items": [serialize_assessment(assessment) for assessment in assess_all()]}


@declare_get(router, "/heuristics/{name}", VIEW, PrecisionReport, "Precision of one heuristic")
def heuristic(request: HttpRequest, name: str, params: Query[WindowParams]) -> object:
    """Return counts over a window, and promotion rule and sample evidence over all links."""
    form = WindowForm({"from": params.from_, "to": params.to})
    if not form.is_valid():
        field, errors = next(iter(form.errors.items()))
        raise BadRequest(str(errors[0]), field)
    return serialize_report(build_report(name, form.window() if (params.from_ or params.to) else Window()))


def _serialize_link(link: LinkAudit) -> dict[str, Any]:
    names = (
        "audit_id nct_id asset_id doc_id link_type confidence promotion_status label_source reviewed_by reviewed_at"
        " created_at updated_at"
    )
    return {
        **pick(link, names),
        "asset": link.asset.name,
        "heuristic": link.heuristic_applied,
        "label": LABEL_NAMES[link.label],
    }
