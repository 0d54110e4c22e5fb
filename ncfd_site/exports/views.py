"""The pages of exports: a file at once, a job for a long list, and the file that a job has made."""

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from ncfd_site.adminkit.listing import ListRefused
from ncfd_site.core.permissions import current_user, require_permission
from ncfd_site.exports import jobs, sources
from ncfd_site.exports.formats import FORMATS, chunks
from ncfd_site.exports.sources import EXPORT, FETCHED, back_to, listing, source_of
from ncfd_site.jobs.models import Job


@require_http_methods(["GET", "HEAD", "POST"])
@require_permission(EXPORT)
def export(request: HttpRequest, name: str, form: str) -> HttpResponseBase:
    """Answer the rows of a list as a file; a long list is put to a job by a POST."""
    if form not in FORMATS:
        raise Http404(f"There is no form {form} of a file.")
    try:
        source = source_of(name)
    except LookupError as error:
        raise Http404(str(error)) from error
    query = request.META["QUERY_STRING"]
    try:
        listed = listing(source, query, current_user(request))
    except ListRefused as refused:
        return _page(request, "refused", "Export", 400, refused=str(refused), back=source.page())
    if request.method == "POST":
        job = jobs.start(listed, form, query, actor=current_user(request))
        messages.success(request, f"Job {job.pk} waits for a worker. Its page offers the file when it is made.")
        return redirect("jobs:job", job.pk)
    chosen = FORMATS[form]
    if listed.is_long():
        title = f"Export {source.model._meta.verbose_name_plural} as {chosen.words}"
        return _page(
            request, "long", title, 200, most=sources.LONGEST, kept=jobs.KEPT.days, back=back_to(source, query)
        )
    rows = listed.rows.iterator(chunk_size=FETCHED)
    return StreamingHttpResponse(
        chunks(chosen, listed.columns, rows),
        content_type=chosen.content_type,
        headers={"Content-Disposition": f'attachment; filename="{listed.file_name(form)}"'},
    )


@require_safe
@require_permission(EXPORT)
def download(request: HttpRequest, job_id: int) -> HttpResponseBase:
    """Answer the file that a job has made, to the person who asked for it, as long as it is kept."""
    actor = current_user(request)
    # Of another's file not even that it is there.
    job = Job.objects.filter(pk=job_id, kind=jobs.JOB, requested_by=actor.get_username()).first()
    if job is None or job.state != Job.State.DONE or job.finished_at is None or job.result is None:
        raise Http404(f"You have no exported file of job {job_id}.")
    source = source_of(job.arguments["list"])
    # Who may no longer see the table, or see as much of it, gets no file of it either.
    listing(source, "", actor)
    jobs.sweep()
    path = jobs.folder() / f"{job.arguments['file']}.{job.arguments['format']}"
    if timezone.now() - job.finished_at > jobs.KEPT or not path.is_file():
        return _page(request, "gone", "The file is gone", 410, job=job, kept=jobs.KEPT.days, back=source.page())
    content_type = FORMATS[job.arguments["format"]].content_type
    return FileResponse(path.open("rb"), as_attachment=True, filename=job.result["name"], content_type=content_type)


def _page(request: HttpRequest, name: str, title: str, status: int, **context: object) -> HttpResponse:
    return render(request, f"ncfd/exports/{name}.html", {"title": title, **context}, status=status)
