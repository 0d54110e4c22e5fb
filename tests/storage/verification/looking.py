"""Check, and keep what is told."""

from typing import Any

from ncfd_site.core.progress import NullReporter
from storage.verification import (
    Check,
    Finding,
    Kind,
    Summary,
    VerifyOptions,
    verify,
)
from storage.verification.stores import Stores


def checked(*checks: Check, stores: Stores | None = None, **options: Any) -> tuple[list[Finding], Summary]:
    """The findings of these checks (of all, where none is named), in the order in which they are told."""
    found: list[Finding] = []
    given = VerifyOptions(checks=checks or tuple(Check), **options)
    summary = verify(given, NullReporter("olga"), found.append, stores)
    return found, summary


def kinds(found: list[Finding]) -> list[tuple[Kind, int | None]]:
    """What is wrong with which objects."""
    return [(one.kind, one.object_id) for one in found]
