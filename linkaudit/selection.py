"""Which links a person is looking at, in which order, and which one comes next."""

import re
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from linkaudit.models import AssetAlias, LinkAudit
from ncfd_site.core.lists import ListPage, Selection, read_page

SORTS = {
    "audit_id": "oldest first",
    "-audit_id": "newest first",
    "confidence": "lowest confidence first",
    "-confidence": "highest confidence first",
    "nct_id": "trial number, rising",
    "-nct_id": "trial number, falling",
}
LABELS = {"open": "open", "right": "right", "wrong": "wrong", "labelled": "right or wrong", "any": "any"}
LABEL_VALUES = {"open": None, "right": True, "wrong": False}
TRIAL_NUMBER = re.compile(r"NCT\d{0,8}", re.IGNORECASE)
FULL_TRIAL_NUMBER = 11


@dataclass(frozen=True, slots=True)
class LinkFilter(Selection):
    """A selection of links."""

    heuristic: str = ""
    status: str = ""
    label: str = "open"
    q: str = ""
    sort: str = "audit_id"


def selected_links(selection: LinkFilter) -> QuerySet[LinkAudit]:
    """Return the links of a selection, without an order."""
    links = LinkAudit.objects.all()
    if selection.heuristic:
        links = links.filter(heuristic_applied=selection.heuristic)
    if selection.status:
        links = links.filter(promotion_status=selection.status)
    if selection.label in LABEL_VALUES:
        wanted = LABEL_VALUES[selection.label]
        links = links.filter(label__isnull=True) if wanted is None else links.filter(label=wanted)
    elif selection.label == "labelled":
        links = links.filter(label__isnull=False)
    if selection.q:
        links = links.filter(_search(selection.q))
    return links


def listed_links(selection: LinkFilter) -> QuerySet[LinkAudit]:
    """Return the links of a selection in its order, on all pages."""
    return selected_links(selection).order_by(*_order(selection.sort))


def link_page(selection: LinkFilter, number: int) -> ListPage[LinkAudit]:
    """Read a page of a selection, without the evidence."""
    links = listed_links(selection).defer("evidence_jsonb", "review_notes").select_related("asset", "doc")
    return read_page(links, number)


def next_link(selection: LinkFilter, after: LinkAudit) -> int | None:
    """Return the id of the link that follows `after` in the order of the selection, or None at its end."""
    return _neighbour(selection, selection.sort, after)


def previous_link(selection: LinkFilter, before: LinkAudit) -> int | None:
    """Return the id of the link that comes before `before` in the order of the selection, or None."""
    flipped = selection.sort[1:] if selection.sort.startswith("-") else f"-{selection.sort}"
    return _neighbour(selection, flipped, before)


def next_open_link(selection: LinkFilter, after: LinkAudit) -> int | None:
    """Return the id of the next open link of the selection, from its start again at the end; None when all are done."""
    opened = LinkFilter(selection.heuristic, selection.status, "open", selection.q, selection.sort)
    following = next_link(opened, after)
    if following is not None:
        return following
    rest = selected_links(opened).exclude(pk=after.pk).order_by(*_order(opened.sort))
    return rest.values_list("pk", flat=True).first()


def _search(text: str) -> Q:
    if TRIAL_NUMBER.fullmatch(text):
        number = text.upper()
        return Q(nct_id=number) if len(number) == FULL_TRIAL_NUMBER else Q(nct_id__startswith=number)
    return Q(asset_id__in=AssetAlias.objects.filter(alias__icontains=text).values("asset_id"))


def _order(sort: str) -> tuple[str, ...]:
    # The key makes the order total; it goes the same way, so that the way back is the exact reverse.
    key = "-audit_id" if sort.startswith("-") else "audit_id"
    return (key,) if sort == key else (sort, key)


def _neighbour(selection: LinkFilter, sort: str, link: LinkAudit) -> int | None:
    beyond = selected_links(selection).filter(_beyond(sort, link))
    return beyond.order_by(*_order(sort)).values_list("pk", flat=True).first()


def _beyond(sort: str, link: LinkAudit) -> Q:
    """The links after `link` in the order `sort`, where PostgreSQL puts NULL last rising and first falling."""
    descending = sort.startswith("-")
    field = sort.lstrip("-")
    direction = "lt" if descending else "gt"
    later_key = Q(**{f"pk__{direction}": link.pk})
    if field == "audit_id":
        return later_key
    value = getattr(link, field)
    if value is None:
        same = Q(**{f"{field}__isnull": True}) & later_key
        return same | Q(**{f"{field}__isnull": False}) if descending else same
    after = Q(**{f"{field}__{direction}": value}) | (Q(**{field: value}) & later_key)
    return after if descending else after | Q(**{f"{field}__isnull": True})
