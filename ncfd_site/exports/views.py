"""The pages of exports: a streamed file, the start of a job, and the download of its file."""

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from ncfd_site.adminkit.read_only import ListError
from ncfd_site.core.permissions import current_user, require_permission
from ncfd_site.exports import jobs, sources
from ncfd_site.exports.formats import FORMATS, iterate_chunks
from ncfd_site.exports.sources import EXPORT, build_page_url, find_source, select_rows
from ncfd_site.jobs.models import Job


@require_http_methods(["GET", "HEAD", "POST"])
@require_permission(EXPORT)
def export(request: HttpRequest, name: str, format_name: str) -> HttpResponseBase:
    """Stream the rows of a list as a file; a POST starts a background job for a long list."""
    if format_name not in FORMATS:
        raise Http404(f"There is no file format {format_name}.")
    try:
        source = find_source(name)
    except LookupError as error:
        raise Http404(str(error)) from error
    query = request.META["QUERY_STRING"]
    try:
        listed = select_rows(source, query, current_user(request))
    except ListError as error:
        return _show_page(request, "refused", "Export", 400, error=str(error), back=source.page())
    if request.method == "POST":
        job = jobs.start(listed, format_name, query, actor=current_user(request))
        messages.success(request, f"Job {job.pk} queued. Its page offers the file when it is finished.")
        return redirect("jobs:job", job.pk)
    chosen = FORMATS[format_name]
    count = listed.count_short()
    if count is None:
        title = f"Export {source.model._meta.verbose_name_plural} as {chosen.label}"
        return _show_page(
            request,
            "long",
            title,
            200,
            most=sources.STREAMING_LIMIT,
            kept=jobs.RETENTION.days,
            back=build_page_url(source, query),
        )
    return StreamingHttpResponse(
        iterate_chunks(chosen, listed.describe(count), listed.columns, listed.iterate_rows()),
        content_type=chosen.content_type,
        headers={"Content-Disposition": f'attachment; filename="{listed.file_name(format_name)}"'},
    )


@require_safe
@require_permission(EXPORT)
def download(request: HttpRequest, job_id: int) -> HttpResponseBase:
    """Send the file of a job to its requester until it expires."""
    actor = current_user(request)
    # The files of other users are not even confirmed to exist.
    job = Job.objects.filter(pk=job_id, kind=jobs.JOB, requested_by=actor.get_username()).first()
    if job is None or job.state != Job.State.DONE or job.finished_at is None or job.result is None:
        raise Http404(f"You have no exported file of job {job_id}.")
    source = find_source(job.arguments["list"])
    # A user who lost the permission to view the table gets no file of it.
    select_rows(source, "", actor)
    page = {"job": job, "kept": jobs.RETENTION.days, "back": source.page()}
    if timezone.now() - job.finished_at > jobs.RETENTION:
        jobs.delete_expired()
        return _show_page(request, "gone", "File expired", 410, **page)
    try:
        file = jobs.open_file(f"{job.arguments['file']}.{job.arguments['format']}")
        if file is None:
            return _show_page(request, "missing", "File not found", 404, **page)
        content_type = FORMATS[job.arguments["format"]].content_type
        return FileResponse(file, as_attachment=True, filename=job.result["name"], content_type=content_type)
    except jobs.ExportError as error:
        return _show_page(request, "missing", "File unavailable", 503, error=str(error), **page)


def _show_page(request: HttpRequest, name: str, title: str, status: int, **context: object) -> HttpResponse:
    return render(request, f"ncfd/exports/{name}.html", {"title": title, **context}, status=status)
