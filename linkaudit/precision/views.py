"""The pages that show how good heuristics are, and the same as JSON."""

import re

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from linkaudit.charts import month_chart, precision_chart
from linkaudit.models import ReviewSample
from linkaudit.precision.as_json import report_json, verdicts_json
from linkaudit.precision.breakdowns import promoted_and_wrong, wrong_links
from linkaudit.precision.reports import Report, all_verdicts, line_of, report_on
from linkaudit.precision.windows import Window, WindowForm
from linkaudit.queries import heuristic_precision
from linkaudit.sampling import services as sampling
from linkaudit.sampling.forms import DrawForm, offer
from linkaudit.sampling.queries import sampled_links
from linkaudit.sampling.services import DRAW
from ncfd_site.core.permissions import current_user, require_permission

VIEW = "linkaudit.view_linkaudit"
PAGE_NUMBER = re.compile(r"[1-9][0-9]{0,3}")


@require_safe
@require_permission(VIEW)
def heuristics(request: HttpRequest) -> HttpResponse:
    """Show the precision of every heuristic, drawn and as a table."""
    found = all_verdicts()
    chart = precision_chart([verdicts.line for verdicts in found])
    return render(request, "linkaudit/heuristics.html", {"title": "Heuristics", "heuristics": found, "chart": chart})


@require_safe
@require_permission(VIEW)
def heuristics_json(request: HttpRequest) -> HttpResponse:
    """Give the precision of every heuristic."""
    given = [verdicts_json(verdicts) for verdicts in all_verdicts()]
    return JsonResponse({"as_of": timezone.now().isoformat(), "heuristics": given})


@require_safe
@require_permission(VIEW)
def heuristic(request: HttpRequest, name: str) -> HttpResponse:
    """Show the precision of one heuristic, what it rests on, and what its samples prove."""
    form = WindowForm(request.GET)
    window = form.window() if form.is_valid() else Window()
    return heuristic_page(request, name, window, form, status=200 if form.is_valid() else 400)


@require_safe
@require_permission(VIEW)
def heuristic_json(request: HttpRequest, name: str) -> HttpResponse:
    """Give the precision of one heuristic."""
    form = WindowForm(request.GET)
    if not form.is_valid():
        return JsonResponse({"errors": form.errors.get_json_data()}, status=400)
    return JsonResponse(report_json(_report(name, form.window())))


@require_POST
@require_permission(DRAW)
def draw_sample(request: HttpRequest, name: str) -> HttpResponse:
    """Start a job that draws a sample, and show it."""
    if "\x00" in name or heuristic_precision(name) is None:
        raise Http404("No heuristic of that name has proposed a link.")
    form = DrawForm(request.POST)
    if not form.is_valid():
        return heuristic_page(request, name, Window(), WindowForm({}), draw_form=form, status=400)
    job = sampling.start_drawing(form.options(name), actor=current_user(request))
    return redirect("jobs:job", job.pk)


@require_POST
@require_permission(DRAW)
def close_sample(request: HttpRequest, sample_id: int) -> HttpResponse:
    """End a sample, and show its heuristic."""
    try:
        sample = sampling.close_sample(sample_id, actor=current_user(request))
    except ReviewSample.DoesNotExist:
        raise Http404(f"There is no sample {sample_id}.") from None
    messages.success(request, f"Sample {sample_id} is closed: its open places are served no more.")
    return redirect("linkaudit:heuristic", sample.heuristic)


def heuristic_page(
    request: HttpRequest,
    name: str,
    window: Window,
    window_form: WindowForm,
    *,
    draw_form: DrawForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page of a heuristic; with a form to draw a sample for whoever may."""
    report = _report(name, window)
    asked = request.GET.get("wrong", "")
    may_draw = current_user(request).has_perm(DRAW)
    undrawn = report.verdicts.standing.total_links - sampled_links(name) if may_draw else 0
    lines = report.breakdowns
    return render(
        request,
        "linkaudit/heuristic.html",
        {
            "title": f"Heuristic {name}",
            "report": report,
            "standing": report.verdicts.standing,
            "window_form": window_form,
            "chart": precision_chart([line_of(report.precision)]),
            "breakdowns": [
                ("By confidence", "confidence", precision_chart(lines.bands), lines.bands),
                ("By kind of link", "kind of link", precision_chart(lines.link_types), lines.link_types),
            ],
            "month_chart": month_chart(lines.months),
            "months": [line for line in lines.months if line.reviewed],
            "wrong": wrong_links(name, window, int(asked) if PAGE_NUMBER.fullmatch(asked) else 1),
            "promoted_wrong": promoted_and_wrong(name),
            "may_draw": may_draw,
            "undrawn": undrawn,
            "offered": offer(undrawn),
            "draw_form": draw_form or DrawForm(),
        },
        status=status,
    )


def _report(name: str, window: Window) -> Report:
    report = report_on(name, window)
    if report is None:
        raise Http404("No heuristic of that name has proposed a link.")
    return report
