"""Selections of links: filter, order, pages, and the neighbors of a link."""

import re
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from linkaudit.blinding import exclude_blind
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

    unfiltered: ClassVar[dict[str, str]] = {"label": "any"}

    heuristic: str = ""
    status: str = ""
    label: str = "open"
    q: str = ""
    sort: str = "audit_id"

    def describe(self, name: str, value: Any) -> str:
        """Return a filter in words."""
        return f"search: {value}" if name == "q" else f"{LABELS[value]} links" if name == "label" else str(value)


def select_links(selection: LinkFilter, user: User) -> QuerySet[LinkAudit]:
    """Return the selected links that the user may see, unordered."""
    links = exclude_blind(LinkAudit.objects.all(), user)
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


def list_links(selection: LinkFilter, user: User) -> QuerySet[LinkAudit]:
    """Return the selected links on all pages, in order."""
    return select_links(selection, user).order_by(*_build_order(selection.keys))


def read_link_page(selection: LinkFilter, number: int, user: User) -> ListPage[LinkAudit]:
    """Read a page of a selection, without the evidence."""
    links = list_links(selection, user).defer("evidence_jsonb", "review_notes").select_related("asset", "doc")
    return read_page(links, number)


def find_neighbor(selection: LinkFilter, link: LinkAudit, user: User, *, is_backward: bool = False) -> int | None:
    """Return the ID of the link after `link` in the selection, or before it; None at the end."""
    keys = _build_order(selection.keys)
    if is_backward:
        keys = [key[1:] if key.startswith("-") else f"-{key}" for key in keys]
    links = select_links(selection, user).filter(_beyond(keys, link))
    return links.order_by(*keys).values_list("pk", flat=True).first()


def find_next_open_link(selection: LinkFilter, after: LinkAudit, user: User) -> int | None:
    """Return the ID of the next open link of the selection, wrapping at its end; None if no link is open."""
    opened = replace(selection, label="open")
    following = find_neighbor(opened, after, user)
    if following is not None:
        return following
    return list_links(opened, user).exclude(pk=after.pk).values_list("pk", flat=True).first()


def _build_order(keys: list[str]) -> list[str]:
    # The key of the link makes the order total. It has the direction of the first one, so that an index has both.
    last = "-audit_id" if keys[0].startswith("-") else "audit_id"
    return keys if keys[-1].endswith("audit_id") else [*keys, last]


def _beyond(keys: list[str], link: LinkAudit) -> Q:
    """Return the condition for links after `link` in the order of `keys`. NULL is last ascending, first descending."""
    key, *rest = keys
    descending, field = key.startswith("-"), key.lstrip("-")
    value, unknown = getattr(link, field), Q(**{f"{field}__isnull": True})
    same = unknown if value is None else Q(**{field: value})
    if value is None:
        after = ~unknown if descending else Q(pk__in=())
    else:
        after = Q(**{f"{field}__{'lt' if descending else 'gt'}": value})
        if not descending and field != "audit_id":
            after |= unknown
    return after | (same & _beyond(rest, link)) if rest else after
