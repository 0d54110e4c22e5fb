"""What operators do with samples on the page of a heuristic."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from linkaudit.models import ReviewSample
from linkaudit.precision.views import heuristic_page
from linkaudit.precision.windows import Window, WindowForm
from linkaudit.queries import heuristic_precision
from linkaudit.sampling.forms import DrawForm
from linkaudit.sampling.services import DRAW, close_sample, start_drawing
from ncfd_site.core.permissions import current_user, require_permission


@require_POST
@require_permission(DRAW)
def draw(request: HttpRequest, name: str) -> HttpResponse:
    """Start a job that draws a sample, and show it."""
    if "\x00" in name or heuristic_precision(name) is None:
        raise Http404("No heuristic of that name has proposed a link.")
    form = DrawForm(request.POST)
    if not form.is_valid():
        return heuristic_page(request, name, Window(), WindowForm({}), draw_form=form, status=400)
    job = start_drawing(form.options(name), actor=current_user(request))
    return redirect("jobs:job", job.pk)


@require_POST
@require_permission(DRAW)
def close(request: HttpRequest, sample_id: int) -> HttpResponse:
    """End a sample, and show its heuristic."""
    try:
        sample = close_sample(sample_id, actor=current_user(request))
    except ReviewSample.DoesNotExist:
        raise Http404(f"There is no sample {sample_id}.") from None
    messages.success(request, f"Sample {sample_id} is closed: its open places are served no more.")
    return redirect("linkaudit:heuristic", sample.heuristic)
