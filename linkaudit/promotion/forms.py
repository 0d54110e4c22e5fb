"""What people send to promote links, and to take that back."""

from typing import Any

from django import forms

from linkaudit.promotion.queries import PromotionFilter
from ncfd_site.core.lists import ListForm


class ReasonForm(forms.Form):
    """A reason, and the box that confirms what the page says."""

    reason = forms.CharField(
        label="Reason",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Say why: the reason is kept with the promotion."},
    )
    confirm = forms.BooleanField(error_messages={"required": "Tick the box to confirm what will change."})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)

    def clean_reason(self) -> str:
        """Put the reason on one line."""
        return " ".join(str(self.cleaned_data["reason"]).split())


class PromotionListForm(ListForm[PromotionFilter]):
    """The filter of the list of promotions."""

    selection_class = PromotionFilter

    heuristic = forms.CharField(required=False, max_length=200)
