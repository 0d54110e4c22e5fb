"""Pages and JSON of heuristics, and the actions on their samples."""

import re

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from linkaudit.models import ReviewSample
from linkaudit.precision.breakdowns import (
    MAX_MONTHS,
    PAGE_SIZE,
    Line,
    build_precision_chart,
    read_wrong_page,
)
from linkaudit.precision.forms import DrawForm, Window, WindowForm
from linkaudit.precision.reports import assess_all, build_report
from linkaudit.precision.serializers import serialize_assessment, serialize_report
from linkaudit.queries import UNKNOWN_HEURISTIC, read_status
from linkaudit.sampling.interim_analysis import REQUIRED_PRECISION
from linkaudit.sampling.queries import count_sampled_links
from linkaudit.sampling.services import DEFAULT_SIZE, DRAW, close_sample, read_second_share, start_draw_job
from ncfd_site.core.charts.intervals import build_interval_column_chart
from ncfd_site.core.permissions import current_user, require_permission

VIEW = "linkaudit.view_linkaudit"
PAGE_NUMBER = re.compile(r"[1-9][0-9]{0,3}")


@require_safe
@require_permission(VIEW)
def heuristics(request: HttpRequest) -> HttpResponse:
    """Show the precision of every heuristic as a chart and a table."""
    found = assess_all()
    chart = build_precision_chart([assessment.line for assessment in found])
    return render(request, "linkaudit/heuristics.html", {"title": "Heuristics", "heuristics": found, "chart": chart})


@require_safe
@require_permission(VIEW)
def heuristics_json(request: HttpRequest) -> HttpResponse:
    """Return the precision of every heuristic."""
    found = [serialize_assessment(assessment) for assessment in assess_all()]
    return JsonResponse({"as_of": timezone.now().isoformat(), "heuristics": found})


@require_safe
@require_permission(VIEW)
def heuristic(request: HttpRequest, name: str) -> HttpResponse:
    """Show the precision of one heuristic, its breakdowns and its samples."""
    form = WindowForm(request.GET)
    window = form.window() if form.is_valid() else Window()
    return _render_heuristic_page(request, name, window, form, status=200 if form.is_valid() else 400)


@require_safe
@require_permission(VIEW)
def heuristic_json(request: HttpRequest, name: str) -> HttpResponse:
    """Return the precision of one heuristic."""
    form = WindowForm(request.GET)
    if not form.is_valid():
        return JsonResponse({"errors": form.errors.get_json_data()}, status=400)
    return JsonResponse(serialize_report(build_report(name, form.window())))


@require_POST
@require_permission(DRAW)
def draw(request: HttpRequest, name: str) -> HttpResponse:
    """Start a job that draws a sample."""
    if read_status(name) is None:
        raise Http404(UNKNOWN_HEURISTIC)
    form = DrawForm(request.POST)
    if not form.is_valid():
        return _render_heuristic_page(request, name, Window(), WindowForm({}), draw_form=form, status=400)
    job = start_draw_job(form.options(name), actor=current_user(request))
    return redirect("jobs:job", job.pk)


@require_POST
@require_permission(DRAW)
def close(request: HttpRequest, sample_id: int) -> HttpResponse:
    """Close a sample."""
    try:
        sample = close_sample(sample_id, actor=current_user(request))
    except ReviewSample.DoesNotExist:
        raise Http404(f"There is no sample {sample_id}.") from None
    messages.success(request, f"Sample {sample_id} closed.")
    return redirect("linkaudit:heuristic", sample.heuristic)


def _render_heuristic_page(
    request: HttpRequest,
    name: str,
    window: Window,
    window_form: WindowForm,
    *,
    draw_form: DrawForm | None = None,
    status: int = 200,
) -> HttpResponse:
    report = build_report(name, window)
    wrong_page = request.GET.get("wrong", "")
    user = current_user(request)
    can_draw = user.has_perm(DRAW)
    undrawn = report.assessment.status.total_links - count_sampled_links(name) if can_draw else 0
    default_size = min(DEFAULT_SIZE, undrawn)
    groups = report.breakdowns
    context = {
        "title": f"Heuristic {name}",
        "report": report,
        "status": report.assessment.status,
        "window_form": window_form,
        "chart": build_precision_chart([Line.from_counts(report.precision)]),
        "breakdowns": [
            ("By confidence", "Confidence", build_precision_chart(groups.bands), groups.bands),
            ("By link type", "Link type", build_precision_chart(groups.link_types), groups.link_types),
        ],
        "month_chart": build_interval_column_chart([line.to_item() for line in groups.months], REQUIRED_PRECISION),
        "months": [line for line in groups.months if line.reviewed],
        "max_months": MAX_MONTHS,
        "wrong": read_wrong_page(name, window, int(wrong_page) if PAGE_NUMBER.fullmatch(wrong_page) else 1, user),
        "page_size": PAGE_SIZE,
        "can_draw": can_draw,
        "undrawn": undrawn,
        "default_size": default_size,
        "default_seconds": round(default_size * read_second_share()),
        "draw_form": draw_form or DrawForm(),
    }
    return render(request, "linkaudit/heuristic.html", context, status=status)
