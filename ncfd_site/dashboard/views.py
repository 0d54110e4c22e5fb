"""The first page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from linkaudit.services import LABEL
from ncfd_site.dashboard.reading import read
from ncfd_site.dashboard.tiles import SOURCES
from ncfd_site.dashboard.ways import ways_of
from ncfd_site.pages import data_page, person


@require_safe
@data_page()
def home(request: HttpRequest) -> HttpResponse:
    """Show what waits, what changed, and what is wrong, as far as this person may see it."""
    user = person(request)
    as_of = timezone.now()
    tiles = read(SOURCES, user)
    actions = [shown.tile.action for shown in tiles if shown.tile and shown.tile.action]
    context = {
        "title": "What waits for you" if user.has_perm(LABEL) else "Where things stand",
        "as_of": as_of,
        "tiles": tiles,
        "action": actions[0] if actions else None,
        "ways": ways_of(user),
    }
    return render(request, "dashboard/home.html", context)
