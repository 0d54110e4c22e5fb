"""The first page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from ncfd_site.core.permissions import current_user, require_permission
from ncfd_site.core.roles import LABEL_LINKS
from ncfd_site.dashboard.loading import load_tiles
from ncfd_site.dashboard.shortcuts import shortcuts_for
from ncfd_site.dashboard.tile import registered_sources


@require_safe
@require_permission()
def home(request: HttpRequest) -> HttpResponse:
    """Show what waits, what changed, and what is wrong, as far as this person may see it."""
    user = current_user(request)
    as_of = timezone.now()
    tiles = load_tiles(registered_sources(), user)
    actions = [shown.tile.action for shown in tiles if shown.tile and shown.tile.action]
    context = {
        "title": "What waits for you" if user.has_perm(LABEL_LINKS) else "Where things stand",
        "as_of": as_of,
        "tiles": tiles,
        "action": actions[0] if actions else None,
        "shortcuts": shortcuts_for(user),
    }
    return render(request, "dashboard/home.html", context)
