"""Long work on the store that an operator starts: a check, a cleaning, a move. A job does it; here it is asked for."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied

from ncfd_site.jobs import queue
from ncfd_site.jobs.models import Job
from storage.cleaning import CleaningOptions
from storage.overview import CHECK, CLEAN, MOVE
from storage.tiers import MoveOptions

OPERATE = "storage.operate_storageobject"


def start_check(only: Sequence[str], sample: float, *, actor: User) -> Job:
    """Start a check with these checks on `sample` percent of the content that they read.

    Raises PermissionDenied without `storage.operate_storageobject`, and JobRefused where such a job is open; so do the
    other two.
    """
    return _start(CHECK, {"only": list(only), "sample": sample}, actor)


def start_cleaning(options: CleaningOptions, *, actor: User) -> Job:
    """Start a cleaning; it looks again before it deletes, and may refuse."""
    arguments = {
        "grace_days": options.grace_days,
        "keep_minutes": options.keep_minutes,
        "most_percent": options.most_percent,
    }
    return _start(CLEAN, arguments, actor)


def start_move(options: MoveOptions, *, actor: User) -> Job:
    """Start a move of content from one tier to the other."""
    arguments = {
        "to": options.to,
        "older_than_days": options.older_than_days,
        "larger_than": options.larger_than,
        "limit": options.limit,
    }
    return _start(MOVE, arguments, actor)


def _start(kind: str, arguments: Mapping[str, Any], actor: User) -> Job:
    if not actor.has_perm(OPERATE):
        raise PermissionDenied(
            f"Work on content needs the permission {OPERATE}, which {actor.get_username()} does not have."
        )
    return queue.start(kind, arguments, actor=actor)
