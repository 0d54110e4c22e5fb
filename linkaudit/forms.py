"""What people send to the pages on links: a filter, and a decision."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_datetime

from linkaudit.models import LinkAudit
from linkaudit.selection import LABELS, SORTS, LinkFilter
from ncfd_site.core.lists import ANY, ListForm, make_search_field

DECISIONS: dict[str, bool | None] = {"right": True, "wrong": False, "cleared": None}


class LinkFilterForm(ListForm[LinkFilter]):
    """The filters and the order of the list of links."""

    selection_class = LinkFilter

    q = make_search_field("Trial number or asset")
    heuristic = forms.CharField(label="Heuristic", required=False, max_length=200)
    label = forms.ChoiceField(label="Label", required=False, choices=LABELS.items())
    status = forms.ChoiceField(label="Promotion", required=False, choices=[ANY, *LinkAudit.PromotionStatus.choices])
    sort = forms.ChoiceField(label="Order", required=False, choices=SORTS.items())

    def __init__(self, *args: Any, heuristics: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("heuristic", [ANY, *((name, name) for name in heuristics)])


class LabelForm(forms.Form):
    """A decision on one link, a note, and when the link that the person saw was last changed."""

    decision = forms.ChoiceField(choices=[(name, name) for name in DECISIONS])
    note = forms.CharField(
        label="Note",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 1, "data-key": "m"}),
    )
    seen_at = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)

    def clean_decision(self) -> bool | None:
        """Turn the word into the label that it stands for."""
        return DECISIONS[self.cleaned_data["decision"]]

    def clean_seen_at(self) -> datetime:
        """Read the moment; to the microsecond, which a field for people would cut off."""
        try:
            moment = parse_datetime(self.cleaned_data["seen_at"])
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise ValidationError("The form does not say what it was opened on: reload the page.")
        return moment
