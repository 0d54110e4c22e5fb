"""Forms of the pages on links: the filter of the list, and the label of one link."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_datetime

from linkaudit.models import LinkAudit
from linkaudit.selection import LABELS, SORTS, LinkFilter
from ncfd_site.core.lists import ANY, ListForm, OrderField, make_search_field

# The label that each decision gives.
DECISIONS: dict[str, bool | None] = {"right": True, "wrong": False, "cleared": None}


class PlainForm(forms.Form):
    """A form without a colon after its labels."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)


class LinkFilterForm(ListForm[LinkFilter]):
    """The filters and the order of the list of links."""

    selection_class = LinkFilter
    columns = {
        "link": "Link", "trial": "Trial", "asset": "Asset", "document": "Document", "heuristic": "Heuristic",
        "confidence": "Confidence", "label": "Label", "promotion": "Promotion",
    }  # fmt: skip

    q = make_search_field("NCT ID or asset")
    heuristic = forms.CharField(label="Heuristic", required=False, max_length=200)
    label = forms.ChoiceField(label="Label", required=False, choices=LABELS.items())
    status = forms.ChoiceField(label="Promotion", required=False, choices=[ANY, *LinkAudit.PromotionStatus.choices])
    order = OrderField(SORTS)

    def __init__(self, *args: Any, heuristics: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("heuristic", [ANY, *((name, name) for name in heuristics)])

    @property
    def default_columns(self) -> tuple[str, ...]:
        """The columns that do not repeat one value."""
        chosen = self.cleaned_data
        repeated = {"heuristic": chosen.get("heuristic"), "label": chosen.get("label") in ("", "open")}
        return tuple(name for name in self.columns if name != "promotion" and not repeated.get(name))


class LabelForm(PlainForm):
    """A decision on one link, a note, and the time of the link's last change that the reviewer saw."""

    decision = forms.ChoiceField(choices=[(name, name) for name in DECISIONS])
    note = forms.CharField(
        label="Note",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 1, "data-key": "m"}),
    )
    seen_at = forms.CharField(widget=forms.HiddenInput)

    def clean_decision(self) -> bool | None:
        """Return the label that the decision gives."""
        return DECISIONS[self.cleaned_data["decision"]]

    def clean_seen_at(self) -> datetime:
        """Return the time to the microsecond, which a DateTimeField would cut off."""
        moment = parse_moment(self.cleaned_data["seen_at"])
        if moment is None or moment.tzinfo is None:
            raise ValidationError("The form is incomplete. Reload the page.")
        return moment


def parse_moment(text: str) -> datetime | None:
    """Parse a time in ISO 8601 format; return None for an invalid one."""
    try:
        return parse_datetime(text)
    except ValueError:
        return None
