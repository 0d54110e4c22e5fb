"""Selections of links: filter, order, pages, and the neighbors of a link."""

import re
from dataclasses import dataclass, replace

from django.db.models import Q, QuerySet

from linkaudit.models import AssetAlias, LinkAudit
from ncfd_site.core.lists import ListPage, Selection, read_page

SORTS = {
    "audit_id": "oldest first",
    "-audit_id": "newest first",
    "confidence": "lowest confidence first",
    "-confidence": "highest confidence first",
    "nct_id": "NCT ID, ascending",
    "-nct_id": "NCT ID, descending",
}
LABELS = {"open": "open", "right": "right", "wrong": "wrong", "labeled": "right or wrong", "any": "any"}
LABEL_VALUES = {"open": None, "right": True, "wrong": False}
LABEL_NAMES = {value: name for name, value in LABEL_VALUES.items()}
NCT_ID_PREFIX = re.compile(r"NCT\d{0,8}", re.IGNORECASE)
NCT_ID_LENGTH = 11


@dataclass(frozen=True, slots=True)
class LinkFilter(Selection):
    """A selection of links."""

    heuristic: str = ""
    status: str = ""
    label: str = "open"
    q: str = ""
    sort: str = "audit_id"


def select_links(selection: LinkFilter) -> QuerySet[LinkAudit]:
    """Return the selected links, unordered."""
    links = LinkAudit.objects.all()
    if selection.heuristic:
        links = links.filter(heuristic_applied=selection.heuristic)
    if selection.status:
        links = links.filter(promotion_status=selection.status)
    if selection.label in LABEL_VALUES:
        links = links.filter(label=LABEL_VALUES[selection.label])
    elif selection.label == "labeled":
        links = links.filter(label__isnull=False)
    if NCT_ID_PREFIX.fullmatch(selection.q):
        lookup = "nct_id" if len(selection.q) == NCT_ID_LENGTH else "nct_id__startswith"
        links = links.filter(**{lookup: selection.q.upper()})
    elif selection.q:
        names = AssetAlias.objects.filter(alias__icontains=selection.q)
        links = links.filter(asset_id__in=names.values("asset_id"))
    return links


def list_links(selection: LinkFilter) -> QuerySet[LinkAudit]:
    """Return the selected links on all pages, in order."""
    return select_links(selection).order_by(*_build_order(selection.sort))


def read_link_page(selection: LinkFilter, number: int) -> ListPage[LinkAudit]:
    """Read a page of a selection, without the evidence."""
    links = list_links(selection).defer("evidence_jsonb", "review_notes").select_related("asset", "doc")
    return read_page(links, number)


def find_neighbor(selection: LinkFilter, link: LinkAudit, *, is_backward: bool = False) -> int | None:
    """Return the ID of the link after `link` in the selection, or before it; None at the end."""
    sort = selection.sort
    if is_backward:
        sort = sort[1:] if sort.startswith("-") else f"-{sort}"
    links = select_links(selection).filter(_beyond(sort, link))
    return links.order_by(*_build_order(sort)).values_list("pk", flat=True).first()


def find_next_open_link(selection: LinkFilter, after: LinkAudit) -> int | None:
    """Return the ID of the next open link of the selection, wrapping at its end; None if no link is open."""
    opened = replace(selection, label="open")
    following = find_neighbor(opened, after)
    if following is not None:
        return following
    return list_links(opened).exclude(pk=after.pk).values_list("pk", flat=True).first()


def _build_order(sort: str) -> tuple[str, ...]:
    # The key makes the order total. It has the direction of `sort`, so that the flipped order is the exact reverse.
    key = "-audit_id" if sort.startswith("-") else "audit_id"
    return (key,) if sort == key else (sort, key)


def _beyond(sort: str, link: LinkAudit) -> Q:
    """Return the condition for links after `link` in the order `sort`. NULL is last ascending, first descending."""
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
