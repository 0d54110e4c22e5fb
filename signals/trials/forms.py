"""Forms of the risk pages: the filter of trials, and two runs."""

from typing import Any, ClassVar

from django import forms

from ncfd_site.core.formatting import humanize_name
from ncfd_site.core.lists import ANY, ChoicesField, Chosen, ListForm, OrderField, make_search_field
from signals.models import Gate, Signal
from signals.scoring.table import scoring_table
from signals.trials.labels import BANDS, PHASES, STATUSES
from signals.trials.runs import Run, run_exists
from signals.trials.selection import ANY_GATE, CURRENT_ONLY, NO_PHASE, NO_STATUS, NOT_FINISHED, SORTS, TrialFilter

PHASE_CHOICES = [*PHASES.items(), (NO_PHASE, "unknown")]
DAY = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
MAX_DAYS = 36_500


def _make_number_field(label: str, most: int, **options: Any) -> forms.DecimalField:
    widget = forms.NumberInput(attrs={"class": "short"})
    return forms.DecimalField(label=label, required=False, min_value=0, max_value=most, widget=widget, **options)


class RunForm(ListForm[Chosen]):
    """A list form with fields that choose runs: those in `run_fields`, each with its first choices."""

    run_fields: ClassVar[dict[str, list[tuple[str, str]]]]

    def __init__(self, *args: Any, runs: list[Run], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.runs = runs
        for name, first in self.run_fields.items():
            self.offer(name, [*first, *((run.run_id, run.run_id) for run in runs)])

    def clean(self) -> None:
        """Check that the runs exist."""
        for name in self.run_fields:
            run_id = self.cleaned_data.get(name)
            if run_id and not run_exists(run_id, self.runs):
                self.add_error(name, f"There is no run {run_id}.")


class TrialFilterForm(RunForm[TrialFilter]):
    """The filters and the order of the list of trials."""

    selection_class = TrialFilter
    run_fields = {"run": [("", "latest")]}

    columns = {
        "trial": "Trial", "sponsor": "Sponsor", "ticker": "Ticker", "phase": "Phase", "indication": "Indication",
        "readout": "Readout", "gates": "Gates", "signals": "Top signals", "risk": "P(failure)", "change": "Change",
        "status": "Status", "run": "Run",
    }  # fmt: skip
    default_count = 10
    main_names = ("q", "phase", "band", "within", "gate", "stop")

    q = make_search_field("NCT ID, sponsor, ticker or drug")
    phase = ChoicesField(label="Phase", choices=PHASE_CHOICES)
    band = ChoicesField(label="P(failure)", choices=[(band.name, band.words) for band in BANDS])
    within = forms.IntegerField(
        label="Readout within (days)", required=False, min_value=0, max_value=MAX_DAYS,
        widget=forms.NumberInput(attrs={"class": "short"}),
    )  # fmt: skip
    gate = ChoicesField(label="Gate fired", choices=[(ANY_GATE, "at least one"), *Gate.Code.choices])
    stop = ChoicesField(label="Stop rule", choices=[])
    order = OrderField(SORTS)
    run = forms.CharField(label="Run", required=False, max_length=50)
    signal = ChoicesField(label="Signal", choices=Signal.Code.choices)
    status = ChoicesField(
        label="Status",
        choices=[(NOT_FINISHED, "not finished"), *STATUSES.items(), (NO_STATUS, "none known")],
        is_open=True,
    )
    pivotal = forms.ChoiceField(label="Pivotal", required=False, choices=[ANY, ("yes", "yes"), ("no", "no")])
    ahead = forms.ChoiceField(label="Readout", required=False, choices=[ANY, ("yes", "ahead")])
    listed = forms.ChoiceField(label="Sponsor", required=False, choices=[ANY, ("yes", "listed")])
    sponsor = forms.CharField(
        label="Sponsor (name or CIK)", required=False, max_length=100, widget=forms.TextInput(attrs={"size": 18})
    )
    ticker = forms.CharField(label="Ticker", required=False, max_length=12, widget=forms.TextInput(attrs={"size": 8}))
    risk_from = _make_number_field("P(failure) from (%)", 100)
    risk_to = _make_number_field("to (%)", 100)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # "from" is a keyword of Python.
        self.fields["from"] = forms.DateField(label="Readout from", required=False, widget=DAY)
        self.fields["to"] = forms.DateField(label="Readout to", required=False, widget=DAY)
        rules = [(rule.code, humanize_name(rule.code)) for rule in scoring_table().stop_rules]
        self.fields["stop"].choices = rules  # type: ignore[attr-defined]

    def clean(self) -> None:
        """Check the run, the order and the dates."""
        super().clean()
        chosen = self.cleaned_data
        if chosen.get("run") and {*str(chosen.get("order")).split(",")} & {*CURRENT_ONLY}:
            self.add_error("order", "A single run cannot be sorted by change. Compare two runs instead.")
        since, until = chosen.get("from"), chosen.get("to")
        if since and until and since > until:
            self.add_error("to", "The end is before the start.")
        low, high = chosen.get("risk_from"), chosen.get("risk_to")
        if low is not None and high is not None and low > high:
            self.add_error("risk_to", "The upper limit is below the lower one.")


class CompareForm(RunForm[TrialFilter]):
    """Two runs, and which of their trials."""

    SORTS = {"risk": "highest risk first", "change": "largest increase first", "-change": "largest decrease first"}
    run_fields = {"a": [], "b": []}

    a = forms.CharField(label="From run", required=False, max_length=50)
    b = forms.CharField(label="To run", required=False, max_length=50)
    phase = forms.ChoiceField(label="Phase", required=False, choices=[ANY, *PHASE_CHOICES])
    gate = forms.ChoiceField(label="Gate (second run)", required=False, choices=[("", "any"), *Gate.Code.choices])
    order = OrderField(SORTS, most=1)
