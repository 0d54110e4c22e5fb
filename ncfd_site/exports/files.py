"""The files that jobs export: for their owner alone, and for seven days."""

import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from ncfd_site.config.errors import UserError

KEPT = timedelta(days=7)


class ExportFailed(UserError):
    """The file cannot be written; the text says why."""


def folder() -> Path:
    """Return the folder of the files."""
    return Path(settings.NCFD_HOME) / "exports"


def write(name: str, chunks: Iterable[bytes]) -> int:
    """Write a file whole or not at all, readable by its owner alone, over an earlier one; returns its bytes.

    Raises `ExportFailed` where the disk does not take it.
    """
    unfinished = folder() / f"{name}.part"
    try:
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            size = _fill(unfinished, chunks)
            unfinished.rename(folder() / name)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise ExportFailed(
            f"The file cannot be written to {folder()} ({error.strerror}): mend that, then let the job go on."
        ) from error
    return size


def _fill(path: Path, chunks: Iterable[bytes]) -> int:
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as sink:
        return sum(map(sink.write, chunks))


def sweep() -> int:
    """Delete what is older than it is kept, unfinished files too; returns how many."""
    oldest = (timezone.now() - KEPT).timestamp()
    old = [path for path in folder().glob("*") if path.stat().st_mtime < oldest] if folder().is_dir() else []
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)
