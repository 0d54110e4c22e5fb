"""The home page, and its shortcuts to lists of the admin."""

from dataclasses import dataclass

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from ncfd_site.adminkit.links import get_list_url
from ncfd_site.core.permissions import current_user, require_permission
from ncfd_site.core.registry import Registry
from ncfd_site.dashboard.layout import arrange_sources, read_layout, set_last_visit, write_layout
from ncfd_site.dashboard.loading import load_tiles


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A list of the admin, with a description."""

    title: str
    url: str
    description: str


_registry = Registry[tuple[int, type[Model], str]]("shortcut", "dashboard", lambda one: one[1]._meta.label)


def register_shortcut(model: type[Model], description: str, *, position: int) -> None:
    """Register the admin list of a model; shortcuts are shown in the order of their positions."""
    _registry.register((position, model, description))


def shortcuts_for(user: User) -> list[Shortcut]:
    """Return the lists that a user may view."""
    if not user.is_staff:
        return []
    shortcuts = []
    for _, model, description in sorted(_registry.items().values(), key=lambda one: one[0]):
        opts = model._meta
        if admin.site.is_registered(model) and user.has_perm(f"{opts.app_label}.view_{opts.model_name}"):
            shortcuts.append(Shortcut(str(opts.verbose_name_plural).capitalize(), get_list_url(model), description))
    return shortcuts


@require_safe
@require_permission()
def home(request: HttpRequest) -> HttpResponse:
    """Show the tiles and shortcuts that the user may see."""
    user, layout = current_user(request), read_layout(request)
    as_of = timezone.now()
    layout = layout.mark_visit(as_of)
    set_last_visit(user, layout)
    sources = arrange_sources(user, layout)
    tiles = load_tiles([source for source in sources if source.key not in layout.hidden], user)
    actions = [shown.tile.action for shown in tiles if shown.tile and shown.tile.action]
    context = {
        "title": "Home",
        "as_of": as_of,
        "tiles": tiles,
        "sources": sources,
        "hidden": layout.hidden,
        "action": actions[0] if actions else None,
        "shortcuts": shortcuts_for(user),
    }
    response = render(request, "dashboard/home.html", context)
    write_layout(request, response, layout)
    return response
