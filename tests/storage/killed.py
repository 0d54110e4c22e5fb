"""`python -m tests.storage.killed STEP COMMAND ...`: a command of manage.py that is killed at a step.

The steps are the places between which a run may be cut off: SIGKILL leaves no time for anything.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ncfd_site.settings")


def die(*arguments: Any, **named: Any) -> Any:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def before(module: Any, name: str, count: int = 1) -> None:
    """Die instead of the call of that number."""
    wrapped, calls = getattr(module, name), []

    def call(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        return die() if len(calls) == count else wrapped(*arguments, **named)

    setattr(module, name, call)


def after(module: Any, name: str, count: int = 1) -> None:
    """Die after the call of that number."""
    wrapped, calls = getattr(module, name), []

    def call(*arguments: Any, **named: Any) -> Any:
        result = wrapped(*arguments, **named)
        calls.append(1)
        return die() if len(calls) == count else result

    setattr(module, name, call)


def _steps() -> dict[str, Callable[[], None]]:
    from ncfd_site.core import sql
    from storage import cleaning, deleting, tiers
    from storage.content import LocalContentStore

    return {
        "gc: before any row": lambda: before(cleaning, "_clean"),
        "gc: rows deleted and not committed": lambda: after(sql, "call"),
        "gc: rows committed": lambda: after(cleaning, "_clean"),
        "gc: before any bytes": lambda: before(deleting, "_delete"),
        "gc: some bytes deleted": lambda: after(LocalContentStore, "delete", 2),
        "gc: bytes deleted": lambda: after(deleting, "_delete"),
        "gc: tombstones deleted and not committed": lambda: after(sql, "execute"),
        "gc: before the second batch of bytes": lambda: before(deleting, "_delete", 2),
        "move: before the announcement": lambda: before(tiers, "_expect"),
        "move: announced": lambda: after(tiers, "_expect"),
        "move: some copied": lambda: after(tiers, "_copy", 2),
        "move: before the switch": lambda: before(tiers, "_switch"),
        "move: switched and not committed": lambda: after(sql, "scalar", 2),
        "move: some switched": lambda: after(tiers, "_switch", 2),
        "move: the first batch moved": lambda: before(tiers, "_expect", 2),
    }


def main() -> None:
    """Set the trap, and run the command."""
    django.setup()
    from django.core.management import execute_from_command_line

    from storage import cleaning, deleting, tiers

    # Batches that a test of few contents has several of.
    for module, name in ((cleaning, "BATCH"), (deleting, "BATCH"), (tiers, "WRITERS")):
        setattr(module, name, 3)
    step, *command = sys.argv[1:]
    if step:
        _steps()[step]()
    execute_from_command_line(["manage.py", *command])


if __name__ == "__main__":
    main()
