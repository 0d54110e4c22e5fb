"""The registry of the search; each app registers its groups in a module `search`."""

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import DatabaseError

from ncfd_site.core.registry import Registry

# Hits of a group.
MOST_HITS = 5
# A shorter text is the beginning of too much.
MIN_LENGTH = 2
MAX_LENGTH = 100
# Larger numbers are keys of nothing; the database rejects them.
MAX_KEY = 2**31 - 1

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hit:
    """A page that the search found."""

    title: str
    url: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A group of the search, for users with all `permissions`.

    `find` returns the hits of a text, best first; it reads through indexes, and shows no label and no reviewer.
    """

    key: str
    title: str
    position: int
    find: Callable[[str, User], Iterable[Hit]]
    permissions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """The hits of a provider; `has_failed` if it could not be searched."""

    provider: Provider
    hits: Sequence[Hit]
    has_failed: bool = False


_registry = Registry[Provider]("group of the search", "search", lambda provider: provider.key)
register = _registry.register


def search(text: str, user: User) -> list[Group]:
    """Return the groups that have hits for a text and that the user may see; a failure does not end the search."""
    if len(text) < MIN_LENGTH and not text.isdecimal():
        return []
    providers = sorted(_registry.items().values(), key=lambda provider: provider.position)
    groups = [_search_group(provider, text, user) for provider in providers if user.has_perms(provider.permissions)]
    return [group for group in groups if group.hits or group.has_failed]


def _search_group(provider: Provider, text: str, user: User) -> Group:
    try:
        return Group(provider, list(provider.find(text, user))[:MOST_HITS])
    except DatabaseError:
        log.exception("Cannot search the group %s", provider.key)
        return Group(provider, (), has_failed=True)


def parse_key(text: str) -> int | None:
    """Return the key in a text such as "19" or "#19"; None if it is no key."""
    number = text.removeprefix("#")
    return int(number) if re.fullmatch(r"[0-9]{1,10}", number) and int(number) <= MAX_KEY else None


def has_words(text: str, title: str) -> bool:
    """Return whether every word of a text begins a word of a title, ignoring case."""
    words = title.casefold().split()
    return all(any(word.startswith(start) for word in words) for start in text.casefold().split())


def build_prefix_pattern(text: str) -> str:
    """Return a pattern of LIKE for texts that begin with `text`; "" matches nothing."""
    return re.sub(r"([\\%_])", r"\\\1", text) + "%" if text else ""
