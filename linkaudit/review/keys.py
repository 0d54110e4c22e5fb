"""The keys that a person wants: kept in a signed cookie, so that they outlast the session."""

from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from linkaudit.review.actions import ACTIONS
from ncfd_site.core.permissions import current_user

KEPT = timedelta(days=365)
SALT = "linkaudit.review.keys"
DEFAULTS = {action.name: action.key for action in ACTIONS}


@dataclass(frozen=True, slots=True)
class Keys:
    """Which key does what, by the name of the action; "" is none. Where they are off, `of` has none at all."""

    on: bool = True
    chosen: dict[str, str] = field(default_factory=lambda: dict(DEFAULTS))

    @property
    def of(self) -> dict[str, str]:
        """The keys in use."""
        return self.chosen if self.on else dict.fromkeys(DEFAULTS, "")


def keys_of(request: HttpRequest) -> Keys:
    """Return the keys of the person who asks; those of everybody where nothing else was chosen here."""
    if not request.user.is_authenticated:
        return Keys()
    try:
        kept = signing.loads(request.COOKIES.get(_name(request), ""), salt=SALT, max_age=KEPT)
    except signing.BadSignature:
        return Keys()
    return Keys(kept["on"], {**DEFAULTS, **{name: kept["keys"].get(name, "") for name in DEFAULTS}})


def keep(request: HttpRequest, response: HttpResponse, keys: Keys) -> None:
    """Keep what a person has chosen."""
    value = signing.dumps({"on": keys.on, "keys": keys.chosen}, salt=SALT)
    response.set_cookie(
        _name(request), value, max_age=KEPT, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
    )


def _name(request: HttpRequest) -> str:
    return f"keys_{current_user(request).pk}"
