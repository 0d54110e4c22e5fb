"""The export of trials by risk: the rows and columns of the list."""

from typing import Any

from django.contrib.auth.models import User
from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db.models import BooleanField, CharField, DecimalField, F, Func, OuterRef, Q, Subquery, TextField, Value
from django.db.models.functions import Abs
from django.http import QueryDict
from django.utils import timezone

from ncfd_site.adminkit.read_only import ListError
from ncfd_site.core.lists import COUNT_LIMIT, count_rows
from ncfd_site.exports.sources import SelectedRows
from securities.models import Security
from signals.models import Gate, Score, Signal
from signals.trials.forms import TrialFilterForm
from signals.trials.marks import LAST_DIGITS
from signals.trials.runs import find_previous_run, list_latest_runs
from signals.trials.selection import TrialFilter, look_up_texts, select_ordered_scores

# The columns of the file for each column of the list.
COLUMNS = {
    "trial": ("nct_id",),
    "sponsor": ("sponsor", "company", "company_cik"),
    "ticker": ("tickers",),
    "phase": ("phase", "is_pivotal"),
    "indication": ("indication",),
    "readout": ("readout",),
    "gates": ("gates", "stop_rules"),
    "signals": ("signals",),
    "risk": ("p_fail", "is_prior_only", "scored_at"),
    "change": ("change", "previous_run_id", "previous_p_fail"),
    "status": ("status",),
    "run": ("run_id",),
}
_OF_TRIAL = {
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


def select_exported_scores(query: str, actor: User) -> SelectedRows:
    """Return the scores of the list at an address. Raises `ListError` for an invalid filter."""
    runs = list_latest_runs()
    form = TrialFilterForm(QueryDict(query), runs=runs)
    if not form.is_valid():
        raise ListError("Invalid filter. Return to the list and choose again.")
    selection = form.get_selection()
    shown = form.cleaned_data["columns"] or (*COLUMNS,)
    columns = tuple(name for column in shown for name in COLUMNS[column])
    today, found = timezone.localdate(), look_up_texts(selection)
    is_short = count_rows(select_ordered_scores(selection, today, found)) <= COUNT_LIMIT
    rows = select_ordered_scores(selection, today, found, is_short=is_short)
    if selection.run:
        before = find_previous_run(selection.run, runs)
        name = before.run_id if before else None
        earlier = Score.objects.filter(run_id=name, trial_id=OuterRef("trial_id")).values("p_fail")
        rows = rows.annotate(
            previous_run_id=Value(name, output_field=CharField()),
            previous_p_fail=Subquery(earlier, output_field=DecimalField(max_digits=6, decimal_places=5)),
            change=F("p_fail") - F("previous_p_fail"),
        )
    expressions = _build_expressions(selection)
    return SelectedRows(
        rows.annotate(**{name: expressions[name] for name in columns if name in expressions}), selection.words, columns
    )


def _build_expressions(selection: TrialFilter) -> dict[str, Any]:
    """Return the expression of each column that is no column of the scores."""
    tickers = Security.objects.filter(company_id=OuterRef("trial__sponsor_company_id"), status="active")
    is_prior = Q(sum_log_lr=0, pk__isnull=False) & Q(_distance__lt=LAST_DIGITS)
    found = {**_OF_TRIAL, "tickers": ArraySubquery(tickers.order_by("ticker").values("ticker"))}
    own = Score.objects.filter(pk=OuterRef("score_id")).alias(_distance=Abs(F("p_fail") - F("prior_pi")))
    stops = own.annotate(names=_list_items("stop_rules", "array", "jsonb_array_elements({}) ->> 'rule'"))
    found |= {
        "stop_rules": Subquery(stops.values("names"), output_field=ArrayField(TextField())),
        "is_prior_only": Subquery(
            own.annotate(is_prior=Func(is_prior, template="(%(expressions)s)")).values("is_prior"),
            output_field=BooleanField(),
        ),
    }
    if selection.run:
        keys = "jsonb_object_keys({})"
        return found | {name: _list_items(name, "object", keys) for name in ("gates", "signals")}
    gates = Gate.objects.filter(trial_id=OuterRef("trial_id"), fired_bool=True).order_by("g_id")
    signals = Signal.objects.filter(trial_id=OuterRef("trial_id")).order_by("s_id")
    return found | {"gates": ArraySubquery(gates.values("g_id")), "signals": ArraySubquery(signals.values("s_id"))}


def _list_items(key: str, kind: str, items: str) -> Func:
    """Return the items of a list or object in the metadata of a score; none where it has another type."""
    value = f"(%(expressions)s -> '{key}')"
    empty = "[]" if kind == "array" else "{}"
    safe = f"CASE jsonb_typeof{value} WHEN '{kind}' THEN {value} ELSE '{empty}' END"
    template = f"ARRAY(SELECT {items.format(safe)} ORDER BY 1)"
    return Func(F("metadata"), template=template, output_field=ArrayField(TextField()))
