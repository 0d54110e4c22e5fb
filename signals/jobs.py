"""Exports that can run as background jobs: the list of trials by risk."""

from typing import Any

from django.contrib.auth.models import User
from django.db.models import CharField, DecimalField, F, OuterRef, QuerySet, Subquery, Value
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from ncfd_site.adminkit.read_only import ListError
from ncfd_site.exports.sources import Source, register
from signals.models import Score
from signals.trials.forms import TrialFilterForm
from signals.trials.runs import find_previous_run, list_latest_runs
from signals.trials.selection import select_ordered_scores

OF_TRIAL = {
    "nct_id": F("trial__nct_id"),
    "sponsor": F("trial__sponsor_text"),
    "company": F("trial__sponsor_company__name"),
    "company_cik": F("trial__sponsor_company__cik"),
    "phase": F("trial__phase"),
    "status": F("trial__status"),
    "is_pivotal": F("trial__is_pivotal"),
    "indication": F("trial__indication"),
    "readout": F("trial__est_primary_completion_date"),
}
COLUMNS = (*OF_TRIAL, "run_id", "scored_at", "p_fail", "previous_run_id", "previous_p_fail", "change")


def _select_exported_scores(query: str, actor: User) -> QuerySet[Any]:
    runs = list_latest_runs()
    form = TrialFilterForm(QueryDict(query), runs=runs)
    if not form.is_valid():
        raise ListError("Invalid filter. Return to the list and choose again.")
    selection = form.get_selection()
    rows: QuerySet[Any] = select_ordered_scores(selection, timezone.localdate()).annotate(**OF_TRIAL)
    if selection.run:
        before = find_previous_run(selection.run, runs)
        name = before.run_id if before else None
        earlier = Score.objects.filter(run_id=name, trial_id=OuterRef("trial_id")).values("p_fail")
        rows = rows.annotate(
            previous_run_id=Value(name, output_field=CharField()),
            previous_p_fail=Subquery(earlier, output_field=DecimalField(max_digits=6, decimal_places=5)),
            change=F("p_fail") - F("previous_p_fail"),
        )
    return rows


TRIALS = register(Source("trials", Score, _select_exported_scores, lambda: reverse("risk:trials"), COLUMNS))
