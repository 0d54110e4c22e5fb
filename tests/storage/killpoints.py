"""`python -m tests.storage.killpoints STEP COMMAND ...`: run a management command and kill it at a step.

SIGKILL allows no cleanup.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ncfd_site.settings")


def die(*arguments: Any, **named: Any) -> Any:
    """Kill this process."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_before(module: Any, name: str, count: int = 1) -> None:
    """Kill the process instead of a call, by default the first."""
    wrapped, calls = getattr(module, name), []

    def call(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        return die() if len(calls) == count else wrapped(*arguments, **named)

    setattr(module, name, call)


def kill_after(module: Any, name: str, count: int = 1) -> None:
    """Kill the process after a call, by default the first."""
    wrapped, calls = getattr(module, name), []

    def call(*arguments: Any, **named: Any) -> Any:
        result = wrapped(*arguments, **named)
        calls.append(1)
        return die() if len(calls) == count else result

    setattr(module, name, call)


def _list_steps() -> dict[str, Callable[[], None]]:
    from ncfd_site.core import sql
    from storage import deletion, garbage_collection, tiers
    from storage.backup import drill, restore
    from storage.backup import services as backup
    from storage.backup.destinations import FolderDestination
    from storage.content.local import LocalContentStore

    return {
        "backup: some content copied": lambda: kill_after(FolderDestination, "write", 6),
        "backup: dumped and not renamed": lambda: kill_before(Path, "replace", 2),
        "backup: dumped": lambda: kill_after(backup, "_write_file"),
        "backup: content copied": lambda: kill_before(backup, "_write_file", 2),
        "backup: before the manifest": lambda: kill_before(backup, "Manifest"),
        "drill: restored": lambda: kill_before(drill, "run_checks"),
        "restore: content restored": lambda: kill_after(restore, "_restore_content"),
        "restore: database restored": lambda: kill_before(restore, "_move_rows"),
        "gc: before any row": lambda: kill_before(garbage_collection, "_delete_rows"),
        "gc: rows deleted and not committed": lambda: kill_after(sql, "call"),
        "gc: rows committed": lambda: kill_after(garbage_collection, "_delete_rows"),
        "gc: before any data": lambda: kill_before(deletion, "map_concurrently"),
        "gc: some data deleted": lambda: kill_after(LocalContentStore, "delete", 2),
        "gc: data deleted": lambda: kill_after(deletion, "map_concurrently"),
        "gc: tombstones deleted and not committed": lambda: kill_after(sql, "execute"),
        "gc: before the second batch of data": lambda: kill_before(deletion, "map_concurrently", 2),
        "move: before the announcement": lambda: kill_before(tiers, "_announce_uris"),
        "move: announced": lambda: kill_after(tiers, "_announce_uris"),
        "move: some copied": lambda: kill_after(tiers, "_copy", 2),
        "move: before the switch": lambda: kill_before(tiers, "_switch_backend"),
        "move: switched and not committed": lambda: kill_after(sql, "scalar", 2),
        "move: some switched": lambda: kill_after(tiers, "_switch_backend", 2),
        "move: the first batch moved": lambda: kill_before(tiers, "_announce_uris", 2),
    }


def use_small_batches(set_attribute: Callable[[Any, str, int], None]) -> None:
    """Make batches so small that few objects need several."""
    from storage import deletion, garbage_collection, tiers

    for module, name in ((garbage_collection, "BATCH"), (deletion, "BATCH"), (tiers, "WRITERS")):
        set_attribute(module, name, 3)


def main() -> None:
    """Install the kill point and run the command."""
    django.setup()
    from django.core.management import execute_from_command_line

    use_small_batches(setattr)
    step, *command = sys.argv[1:]
    _list_steps()[step]()
    execute_from_command_line(["manage.py", *command])


if __name__ == "__main__":
    main()
