"""Keyboard shortcuts by part of the site. An app registers its own in a module `shortcuts`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.http import HttpRequest

from ncfd_site.core.permissions import current_user
from ncfd_site.core.registry import Registry

Keys = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ShortcutGroup:
    """The shortcuts of a part of the site: pairs of keys and action, for users with `permission` ("": all)."""

    title: str
    list_keys: Callable[[HttpRequest], Keys]
    permission: str = ""


_registry = Registry[ShortcutGroup]("group of shortcuts", "shortcuts", lambda group: group.title)
register = _registry.register

EVERYWHERE = (
    ("/", "Search"),
    ("?", "Show shortcuts"),
    ("Esc", "Close a menu, leave a field"),
    ("R", "Start the review (home)"),
)
LISTS = (("J", "Next row"), ("K", "Previous row"), ("Enter", "Open the row"), ("F", "Filter"))
register(ShortcutGroup("Every page", lambda request: EVERYWHERE))
register(ShortcutGroup("Lists", lambda request: LISTS))


def find_groups(request: HttpRequest) -> list[tuple[str, Keys]]:
    """Return the titles and shortcuts that the user can use."""
    user = current_user(request)
    groups = _registry.items().values()
    return [
        (one.title, one.list_keys(request)) for one in groups if not one.permission or user.has_perm(one.permission)
    ]
