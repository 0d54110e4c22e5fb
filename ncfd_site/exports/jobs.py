"""A long list as a file, made by a job."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction

from ncfd_site.core.formatting import format_size as in_bytes
from ncfd_site.core.progress import ProgressReporter
from ncfd_site.exports import files
from ncfd_site.exports.formats import FORMATS, chunks
from ncfd_site.exports.sources import EXPORT, FETCHED, Listing, listing, source_of
from ncfd_site.jobs import queue
from ncfd_site.jobs.job_types import JobType, register
from ncfd_site.jobs.models import Job

JOB = "ncfd_site_export"

Json = Mapping[str, Any]


def start(listed: Listing, form: str, query: str, *, actor: User) -> Job:
    """Start the export of a list. Raises PermissionDenied without `linkaudit.export_linkreview`."""
    # Begun again, the job writes over its own file, and nobody guesses the name.
    arguments = {"list": listed.source.name, "format": form, "query": query, "file": secrets.token_hex(16)}
    return queue.start(JOB, arguments, actor=actor)


def _run(arguments: Json, control: ProgressReporter) -> Json:
    files.sweep()
    actor = User.objects.get(username=control.actor)
    form = FORMATS[arguments["format"]]
    listed = listing(source_of(arguments["list"]), arguments["query"], actor)
    control.begin("Writing rows", None, "rows")
    counting = _Counting(control)
    # One transaction: all rows as of one moment, by a cursor that the server keeps.
    with transaction.atomic():
        rows = counting.rows(listed.rows.iterator(chunk_size=FETCHED))
        size = files.write(f"{arguments['file']}.{form.name}", chunks(form, listed.columns, rows))
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
