"""Trials by risk, and two runs side by side."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from ncfd_site.core.charts.bars import DivergingItem, build_diverging_bar_chart
from ncfd_site.core.permissions import require_permission
from signals.models import Trial
from signals.trials import comparison, queries
from signals.trials.forms import CompareForm, TrialFilterForm
from signals.trials.runs import find_previous_run, list_latest_runs
from signals.trials.selection import look_up_texts

VIEW = "signals.view_score"


@require_safe
@require_permission(VIEW)
def trials(request: HttpRequest) -> HttpResponse:
    """List trials by the probability that they fail."""
    runs = list_latest_runs()
    today = timezone.localdate()
    form = TrialFilterForm(request.GET, runs=runs)
    selection = form.get_selection() if form.is_valid() else None
    counts = page = None
    if selection:
        found = look_up_texts(selection)
        counts = queries.count_trials(selection, today, found)
        page = queries.load_trial_page(selection, form.get_page_number(), runs, today, found, counts.total)
    run = next((run for run in runs if not selection or not selection.run or run.run_id == selection.run), None)
    return render(
        request,
        "trials/trials.html",
        {
            "title": f"Trials by risk in run {selection.run}" if selection and selection.run else "Trials by risk",
            "form": form,
            "selection": selection,
            "page": page,
            "counts": counts,
            "priors_shown": sum(row.marks.is_prior_only for row in page.rows) if page else 0,
            "run": run,
            "before": find_previous_run(run.run_id, runs) if run else None,
            "has_trials": bool(page and page.rows) or Trial.objects.exists(),
            "columns": form.get_columns(),
            "query": form.file_query if selection else "",
        },
        status=200 if selection else 400,
    )


@require_safe
@require_permission(VIEW)
def compare(request: HttpRequest) -> HttpResponse:
    """Compare two runs (default: the latest two)."""
    runs = list_latest_runs()
    form = CompareForm(request.GET, runs=runs)
    chosen = comparison.choose_runs(form.cleaned_data, runs) if form.is_valid() else None
    context: dict[str, object] = {"title": "Compare runs", "runs": runs, "chosen": chosen}
    if chosen:
        number = form.get_page_number()
        movements = comparison.count_movements(chosen)
        moved_count = sum(one.total for one in movements)
        # What was left out is shown as what it stands for.
        form = CompareForm(request.GET.dict() | {"a": chosen.a, "b": chosen.b}, runs=runs)
        context |= {
            "title": f"From {chosen.a} to {chosen.b}",
            "page": comparison.load_comparison(chosen, number),
            "movements": movements,
            "chart": build_diverging_bar_chart(
                [DivergingItem(one.band.words, one.fallen, one.risen) for one in movements]
            ),
            "moved_count": moved_count,
            "is_cut": moved_count >= comparison.DRAWN,
            "gone": comparison.find_removed_trials(chosen),
            "drawn": comparison.DRAWN,
        }
    context["form"] = form
    return render(request, "trials/compare.html", context, status=200 if form.is_valid() else 400)
