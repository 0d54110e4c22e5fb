"""What people send to label many links at once."""

from typing import Any

from django import forms

from linkaudit.bulk_words import DECISION_WORDS


class BulkForm(forms.Form):
    """The note that goes with every one of the decisions."""

    note = forms.CharField(
        label="Note",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"}),
        error_messages={"required": "Say why: the note is kept with each of the decisions."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)


class BulkFilterForm(BulkForm):
    """The same for all links of a filter, with the decision and a box that confirms."""

    decision = forms.ChoiceField(
        label="Decision",
        choices=list(DECISION_WORDS.items()),
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a decision."},
    )
    confirm = forms.BooleanField(error_messages={"required": "Tick the box to confirm what will change."})
