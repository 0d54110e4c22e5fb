"""Layout of the home page: order and choice of tiles, and the last visit, of a user in one browser."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from ncfd_site.core.browser_settings import read_browser_setting, write_browser_setting
from ncfd_site.core.permissions import current_user, require_permission
from ncfd_site.dashboard.tile import Source, registered_sources

SETTING = "home"
# Pages opened within this time belong to one visit.
VISIT_GAP = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Layout:
    """Keys of the tiles in order and of those hidden; the last views of this visit and of the one before."""

    order: tuple[str, ...] = ()
    hidden: frozenset[str] = frozenset()
    seen_at: datetime | None = None
    visited_at: datetime | None = None

    def mark_visit(self, now: datetime) -> "Layout":
        """Return the layout after a view; the first one of a visit makes the last one the visit before."""
        if self.seen_at and now - self.seen_at < VISIT_GAP:
            return replace(self, seen_at=now)
        return replace(self, seen_at=now, visited_at=self.seen_at)


def read_layout(request: HttpRequest) -> Layout:
    """Return the layout of the user; the default one without a valid cookie."""
    stored = read_browser_setting(request, SETTING)
    if stored is None:
        return Layout()
    order, hidden, *times = stored
    return Layout(tuple(order), frozenset(hidden), *(time and datetime.fromisoformat(time) for time in times))


def write_layout(request: HttpRequest, response: HttpResponse, layout: Layout) -> None:
    """Keep the layout in the browser."""
    times = [time and time.isoformat() for time in (layout.seen_at, layout.visited_at)]
    write_browser_setting(request, response, SETTING, [layout.order, sorted(layout.hidden), *times])


def arrange_sources(user: User, layout: Layout) -> list[Source]:
    """Return the tiles that the user may see, also hidden ones: in the user's order, then work of the user first."""
    sources = [source for source in registered_sources() if source.is_for(user)]
    ranks = {key: rank for rank, key in enumerate(layout.order)}
    return sorted(sources, key=lambda source: (ranks.get(source.key, len(ranks)), _rank_by_role(source, user)))


def _rank_by_role(source: Source, user: User) -> int:
    """Return 0 for work of the user's role, 1 for data that all roles read, 2 for work of other roles."""
    if not source.workers:
        return 1
    return 0 if any(map(user.has_perm, source.workers)) else 2


@require_POST
@require_permission()
def save(request: HttpRequest) -> HttpResponse:
    """Save the tiles that are checked, after moving one of them, or reset the layout."""
    user, layout = current_user(request), read_layout(request)
    keys = [source.key for source in arrange_sources(user, layout)]
    response = redirect("home")
    if "reset" in request.POST:
        layout = replace(layout, order=(), hidden=frozenset())
    else:
        key, _, direction = request.POST.get("move", "").partition(":")
        if key in keys and direction in ("up", "down"):
            _move(keys, key, -1 if direction == "up" else 1)
            response["Location"] += "#layout"
        hidden = frozenset(keys) - frozenset(request.POST.getlist("shown"))
        layout = replace(layout, order=tuple(keys), hidden=hidden)
    write_layout(request, response, layout)
    return response


def _move(keys: list[str], key: str, step: int) -> None:
    place = keys.index(key)
    keys.insert(max(place + step, 0), keys.pop(place))


def set_last_visit(user: User, layout: Layout) -> None:
    """Remember the last visit for the queries of tiles."""
    user.__dict__["last_visit"] = layout.visited_at


def get_last_visit(user: User) -> datetime:
    """Return the time of the user's last visit, a week ago if there was none."""
    found = user.__dict__.get("last_visit")
    return found if isinstance(found, datetime) else timezone.now() - timedelta(days=7)
