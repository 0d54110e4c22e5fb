"""Export files of long lists, and the background job that writes them."""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.files.base import File
from django.core.files.storage import storages
from django.core.files.uploadedfile import TemporaryUploadedFile
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


# Folder of export files in the shared files.
FOLDER = "exports"


class ExportError(UserError):
    """The file cannot be written or read."""


@contextmanager
def _explain_failure() -> Iterator[None]:
    try:
        yield
    except (OSError, BotoCoreError, ClientError) as error:
        # Messages of S3 contain endpoints and names of keys.
        reason = error.strerror if isinstance(error, OSError) else type(error).__name__
        raise ExportError(f"The shared files cannot be used ({reason}). Check SHARED_ROOT, then try again.") from None


def write_file(name: str, chunks: Iterable[bytes]) -> int:
    """Write a file, readable by its owner only, over an earlier one; return its bytes.

    Raises `ExportError` when it cannot be written.
    """
    # Moved or copied when it is complete.
    with _explain_failure(), TemporaryUploadedFile(name, None, 0, None) as buffer:
        size = sum(int(buffer.write(chunk)) for chunk in chunks)
        buffer.seek(0)
        storages["shared"].save(f"{FOLDER}/{name}", buffer)
    return size


def open_file(name: str) -> File | None:
    """Open a file; return None if it does not exist. Raises `ExportError`."""
    with _explain_failure():
        try:
            return storages["shared"].open(f"{FOLDER}/{name}", "rb")
        except FileNotFoundError:
            return None


def list_expired() -> list[str]:
    """Return the names of the files past their retention. Raises `ExportError`."""
    oldest = timezone.now() - RETENTION
    expired = []
    with _explain_failure(), suppress(FileNotFoundError):
        for name in storages["shared"].listdir(FOLDER)[1]:
            # Another process may have deleted it meanwhile.
            with suppress(FileNotFoundError, ClientError):
                if storages["shared"].get_modified_time(f"{FOLDER}/{name}") < oldest:
                    expired.append(name)
    return expired


def delete_expired() -> int:
    """Delete files past their retention; return their count. Raises `ExportError`."""
    expired = list_expired()
    with _explain_failure():
        for name in expired:
            storages["shared"].delete(f"{FOLDER}/{name}")
    return len(expired)


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
    chunks = iterate_chunks(file_format, listed.describe(listed.rows.count()), listed.columns, rows)
    size = write_file(f"{arguments['file']}.{file_format.name}", chunks)
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
