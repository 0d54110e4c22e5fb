"""Heuristics and links in the search. A hit shows the claim of a link, never its label, which would bias a reviewer."""

from collections.abc import Iterator

from django.contrib.auth.models import User
from django.urls import reverse

from linkaudit.models import LinkAudit
from linkaudit.queries import list_heuristics
from ncfd_site.search.providers import Hit, Provider, parse_key, register

VIEW = ("linkaudit.view_linkaudit",)


def find_heuristics(text: str, user: User) -> Iterator[Hit]:
    """Yield the heuristics whose name contains a text."""
    for name in list_heuristics():
        if text.casefold() in name.casefold():
            yield Hit(name, reverse("linkaudit:heuristic", args=[name]))


def find_links(text: str, user: User) -> Iterator[Hit]:
    """Yield the link of a number, with its claim."""
    key = parse_key(text)
    for link in LinkAudit.objects.filter(pk=key).select_related("asset") if key is not None else ():
        yield Hit(f"Link {key}", reverse("linkaudit:link", args=[key]), f"{link.asset} in {link.nct_id}")


register(Provider(key="heuristics", title="Heuristics", position=50, find=find_heuristics, permissions=VIEW))
register(Provider(key="links", title="Links", position=60, find=find_links, permissions=VIEW))
