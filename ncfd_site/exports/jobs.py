"""Export files of long lists, and the background job that writes them."""

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from ncfd_site.config.errors import UserError
from ncfd_site.core.formatting import format_size as in_bytes
from ncfd_site.core.progress import ProgressReporter
from ncfd_site.exports.formats import FORMATS, iterate_chunks
from ncfd_site.exports.sources import EXPORT, FETCH_SIZE, Listing, find_source, select_rows
from ncfd_site.jobs import queue
from ncfd_site.jobs.job_types import JobType, register
from ncfd_site.jobs.models import Job

RETENTION = timedelta(days=7)


class ExportError(UserError):
    """The file cannot be written."""


def folder() -> Path:
    """Return the folder of export files."""
    return Path(settings.NCFD_HOME) / "exports"


def write_file(name: str, chunks: Iterable[bytes]) -> int:
    """Write a file atomically, readable by its owner only, over an earlier one; return its bytes.

    Raises `ExportError` when it cannot be written.
    """
    unfinished = folder() / f"{name}.part"
    try:
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor = os.open(unfinished, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as sink:
                size = sum(map(sink.write, chunks))
            unfinished.rename(folder() / name)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise ExportError(
            f"Cannot write to {folder()} ({error.strerror}). Correct the cause, then resume the job."
        ) from error
    return size


def list_expired() -> list[Path]:
    """Return the files past their retention, unfinished ones too."""
    oldest = (timezone.now() - RETENTION).timestamp()
    return [path for path in folder().glob("*") if path.stat().st_mtime < oldest] if folder().is_dir() else []


def delete_expired() -> int:
    """Delete files past their retention; return their count."""
    old = list_expired()
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


JOB = "ncfd_site_export"

Json = Mapping[str, Any]


def start(listed: Listing, format_name: str, query: str, *, actor: User) -> Job:
    """Start the export of a list. Raises PermissionDenied without `linkaudit.export_linkreview`."""
    # The name cannot be guessed; a resumed job overwrites its own file.
    arguments = {"list": listed.source.name, "format": format_name, "query": query, "file": secrets.token_hex(16)}
    return queue.start(JOB, arguments, actor=actor)


def _run_export(arguments: Json, reporter: ProgressReporter) -> Json:
    delete_expired()
    actor = User.objects.get(username=reporter.actor)
    file_format = FORMATS[arguments["format"]]
    listed = select_rows(find_source(arguments["list"]), arguments["query"], actor)
    reporter.begin("Writing rows", None, "rows")
    count = 0

    def count_rows(rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
        nonlocal count
        for row in rows:
            yield row
            count += 1
            if count % FETCH_SIZE == 0:
                reporter.advance(FETCH_SIZE)
        reporter.advance(count % FETCH_SIZE)

    rows = count_rows(listed.iterate_rows())
    size = write_file(f"{arguments['file']}.{file_format.name}", iterate_chunks(file_format, listed.columns, rows))
    return {"name": listed.file_name(file_format.name), "rows": count, "bytes": size}


def _describe_export(arguments: Json) -> str:
    shown = f", filter {arguments['query']}" if arguments["query"] else ""
    name = find_source(arguments["list"]).model._meta.verbose_name_plural
    return f"{name} as {FORMATS[arguments['format']].label}{shown}"


EXPORT_LIST = register(
    JobType(
        name=JOB,
        title="Export a list",
        permission=EXPORT,
        run=_run_export,
        describe=_describe_export,
        conclude=lambda result: f"{result['rows']:,} rows, {in_bytes(result['bytes'])}.",
        result_template="ncfd/exports/result.html",
        # The requester waits for it.
        priority=1,
        errors=(PermissionDenied,),
    )
)
