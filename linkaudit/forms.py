"""What people send to the pages on links: a filter, and a decision."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_datetime

from linkaudit.models import LinkAudit
from linkaudit.selection import LABELS, LAST_PAGE, SORTS, LinkFilter

ANY = [("", "any")]
DECISIONS: dict[str, bool | None] = {"right": True, "wrong": False, "cleared": None}


class LinkFilterForm(forms.Form):
    """A selection of links, as its address carries it; every field may be left out."""

    q = forms.CharField(
        label="Trial number or asset",
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search", "data-key": "/", "size": 24}),
    )
    heuristic = forms.CharField(label="Heuristic", required=False, max_length=200, widget=forms.Select)
    label = forms.ChoiceField(label="Label", required=False, choices=LABELS.items())
    status = forms.ChoiceField(label="Promotion", required=False, choices=[*ANY, *LinkAudit.PromotionStatus.choices])
    sort = forms.ChoiceField(label="Order", required=False, choices=SORTS.items())
    page = forms.IntegerField(required=False, min_value=1, max_value=LAST_PAGE, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)

    def offer_heuristics(self, names: Iterable[str]) -> None:
        """Offer these heuristics to choose from."""
        self.fields["heuristic"].widget = forms.Select(choices=[*ANY, *((name, name) for name in names)])

    def selection(self) -> LinkFilter:
        """Return the selection; what was left out is the default. Only on a valid form."""
        chosen = self.cleaned_data
        default = LinkFilter()
        return LinkFilter(
            heuristic=chosen["heuristic"],
            status=chosen["status"],
            label=chosen["label"] or default.label,
            q=chosen["q"],
            sort=chosen["sort"] or default.sort,
        )

    def page_number(self) -> int:
        """Return the page asked for, from 1. Only on a valid form."""
        return self.cleaned_data["page"] or 1


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
