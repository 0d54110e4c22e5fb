"""A long list as a file, made by a job."""

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from ncfd_site.config.errors import UserError
from ncfd_site.core.formatting import format_size as in_bytes
from ncfd_site.core.progress import ProgressReporter
from ncfd_site.exports.formats import FORMATS, chunks
from ncfd_site.exports.sources import EXPORT, FETCHED, Listing, listing, source_of
from ncfd_site.jobs import queue
from ncfd_site.jobs.job_types import JobType, register
from ncfd_site.jobs.models import Job

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


JOB = "ncfd_site_export"

Json = Mapping[str, Any]


def start(listed: Listing, form: str, query: str, *, actor: User) -> Job:
    """Start the export of a list. Raises PermissionDenied without `linkaudit.export_linkreview`."""
    # Begun again, the job writes over its own file, and nobody guesses the name.
    arguments = {"list": listed.source.name, "format": form, "query": query, "file": secrets.token_hex(16)}
    return queue.start(JOB, arguments, actor=actor)


def _run(arguments: Json, control: ProgressReporter) -> Json:
    sweep()
    actor = User.objects.get(username=control.actor)
    form = FORMATS[arguments["format"]]
    listed = listing(source_of(arguments["list"]), arguments["query"], actor)
    control.begin("Writing rows", None, "rows")
    counting = _Counting(control)
    # One transaction: all rows as of one moment, by a cursor that the server keeps.
    with transaction.atomic():
        rows = counting.rows(listed.rows.iterator(chunk_size=FETCHED))
        size = write(f"{arguments['file']}.{form.name}", chunks(form, listed.columns, rows))
    return {"name": listed.file_name(form.name), "rows": counting.count, "bytes": size}


class _Counting:
    """Tells how many rows went through, and lets the work be stopped between them."""

    def __init__(self, control: ProgressReporter) -> None:
        self.count = 0
        self._control = control

    def rows(self, rows: Iterator[Sequence[Any]]) -> Iterator[Sequence[Any]]:
        for row in rows:
            yield row
            self.count += 1
            if self.count % FETCHED == 0:
                self._control.advance(FETCHED)
        self._control.advance(self.count % FETCHED)


def _describe(arguments: Json) -> str:
    shown = f", those where {arguments['query']}" if arguments["query"] else ""
    return (
        f"{source_of(arguments['list']).model._meta.verbose_name_plural} as {FORMATS[arguments['format']].words}{shown}"
    )


EXPORT_LIST = register(
    JobType(
        name=JOB,
        title="Export a list",
        permission=EXPORT,
        run=_run,
        describe=_describe,
        conclude=lambda result: f"{result['rows']:,} rows, {in_bytes(result['bytes'])}.",
        result_template="ncfd/exports/result.html",
        errors=(PermissionDenied,),
    )
)
