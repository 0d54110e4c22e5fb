"""What people send from the desk: a decision, a reason to skip, and the keys that they want."""

from typing import Any

from django import forms

from linkaudit.review.actions import ACTIONS

DECISIONS = ("right", "wrong", "unsure")
REASONS = (
    "The document is in a language that I do not read.",
    "The text is not readable.",
    "I have worked on this trial myself.",
)


class DecisionForm(forms.Form):
    """A decision on the place that one has, and a note."""

    decision = forms.ChoiceField(choices=[(name, name) for name in DECISIONS])
    note = forms.CharField(
        label="Note",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 1, "data-then": "decisions", "data-draft": "note"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)


class SkipForm(forms.Form):
    """Why one passes over a place."""

    reason = forms.CharField(
        label="Skip, because",
        max_length=500,
        widget=forms.TextInput(attrs={"list": "reasons", "autocomplete": "off", "data-then": "submit"}),
        error_messages={"required": "To skip a link needs a reason."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)


class KeysForm(forms.Form):
    """Whether keys are used at all, and which one does what."""

    on = forms.BooleanField(label="Use keys", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        for action in ACTIONS:
            self.fields[action.name] = forms.CharField(
                label=action.words,
                required=False,
                max_length=1,
                widget=forms.TextInput(attrs={"size": 2, "autocapitalize": "off", "autocomplete": "off"}),
            )

    def clean(self) -> dict[str, Any]:
        """Refuse a key that would do two things."""
        chosen: dict[str, Any] = super().clean() or {}
        taken: dict[str, str] = {}
        for action in ACTIONS:
            key = chosen[action.name] = (chosen.get(action.name) or "").lower()
            if key and key in taken:
                self.add_error(action.name, f"{key.upper()} is the key of “{taken[key]}” already.")
            taken.setdefault(key, action.words)
        return chosen
