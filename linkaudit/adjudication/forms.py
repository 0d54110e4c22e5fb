"""What an adjudicator sends."""

from typing import Any

from django import forms


class AdjudicationForm(forms.Form):
    """Right or wrong, and why."""

    decision = forms.ChoiceField(choices=[("right", "right"), ("wrong", "wrong")])
    reason = forms.CharField(
        label="Reason",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2, "data-key": "m", "data-then": "adjudication"}),
        error_messages={"required": "An adjudication needs a reason."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
