"""Forms of the risk pages: the filter of trials, and two runs."""

from typing import Any, ClassVar

from django import forms

from ncfd_site.core.lists import ANY, Chosen, ListForm, make_search_field
from signals.models import Gate, Signal
from signals.trials.labels import BANDS, PHASES, STATUSES
from signals.trials.runs import Run, run_exists
from signals.trials.selection import ANY_GATE, CURRENT_ONLY, DAYS, NO_PHASE, NO_STATUS, SORTS, TrialFilter

MAIN = ("q", "phase", "band", "within", "gate")
PHASE_CHOICES = [ANY, *PHASES.items(), (NO_PHASE, "unknown")]
DAY = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


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

    q = make_search_field("NCT ID, sponsor, ticker or drug")
    phase = forms.ChoiceField(label="Phase", required=False, choices=PHASE_CHOICES)
    band = forms.ChoiceField(
        label="Probability of failure", required=False, choices=[ANY, *((band.name, band.words) for band in BANDS)]
    )
    within = forms.ChoiceField(label="Readout", required=False, choices=[ANY, *DAYS.items()])
    gate = forms.ChoiceField(
        label="Gate fired",
        required=False,
        choices=[("", "any"), (ANY_GATE, "at least one"), *Gate.Code.choices],
    )
    sort = forms.ChoiceField(label="Order", required=False, choices=SORTS.items())
    run = forms.CharField(label="Run", required=False, max_length=50)
    signal = forms.ChoiceField(label="Signal", required=False, choices=[("", "any"), *Signal.Code.choices])
    status = forms.CharField(label="Status", required=False, max_length=60)
    sponsor = forms.CharField(
        label="Sponsor (name or CIK)", required=False, max_length=100, widget=forms.TextInput(attrs={"size": 18})
    )
    ticker = forms.CharField(label="Ticker", required=False, max_length=12, widget=forms.TextInput(attrs={"size": 8}))
    pivotal = forms.ChoiceField(label="Pivotal", required=False, choices=[("", "all"), ("yes", "only")])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # "from" is a keyword of Python.
        self.fields["from"] = forms.DateField(label="Readout from", required=False, widget=DAY)
        self.fields["to"] = forms.DateField(label="Readout to", required=False, widget=DAY)
        self.offer("status", [ANY, *STATUSES.items(), (NO_STATUS, "none known")])

    @property
    def main_fields(self) -> list[forms.BoundField]:
        """The fields that are always visible."""
        return [self[name] for name in MAIN]

    @property
    def more_fields(self) -> list[forms.BoundField]:
        """The fields that are visible only on request or if one has a value."""
        return [field for field in self.visible_fields() if field.name not in MAIN]

    @property
    def has_more_values(self) -> bool:
        """True if another field has a value or an error."""
        return any(field.errors or (field.name != "sort" and self.data.get(field.name)) for field in self.more_fields)

    def clean(self) -> None:
        """Check the run, the order and the dates."""
        super().clean()
        chosen = self.cleaned_data
        if chosen.get("run") and chosen.get("sort") in CURRENT_ONLY:
            self.add_error("sort", "A single run cannot be sorted by change. Compare two runs instead.")
        since, until = chosen.get("from"), chosen.get("to")
        if since and until and since > until:
            self.add_error("to", "The end is before the start.")


class CompareForm(RunForm[TrialFilter]):
    """Two runs, and which of their trials."""

    SORTS = {"risk": "highest risk first", "change": "largest increase first", "-change": "largest decrease first"}
    run_fields = {"a": [], "b": []}

    a = forms.CharField(label="From run", required=False, max_length=50)
    b = forms.CharField(label="To run", required=False, max_length=50)
    phase = forms.ChoiceField(label="Phase", required=False, choices=PHASE_CHOICES)
    gate = forms.ChoiceField(label="Gate (second run)", required=False, choices=[("", "any"), *Gate.Code.choices])
    sort = forms.ChoiceField(label="Order", required=False, choices=SORTS.items())
