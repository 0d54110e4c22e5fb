"""What people send to draw a sample."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms

from linkaudit.sampling.options import LARGEST, SIZE, SampleOptions, second_share


@dataclass(frozen=True, slots=True)
class Offer:
    """What the form asks for as long as nobody changes it: places, and about how many second opinions."""

    places: int
    seconds: int


def offer(undrawn: int) -> Offer:
    """Return what would be drawn from so many links."""
    places = min(SIZE, undrawn)
    return Offer(places, round(places * second_share()))


class DrawForm(forms.Form):
    """How many links, and of how many of them a second person is asked."""

    size = forms.IntegerField(label="Links", min_value=1, max_value=LARGEST)
    second_percent = forms.DecimalField(
        label="Second opinions, in percent", min_value=0, max_value=100, max_digits=4, decimal_places=1
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        kwargs.setdefault("auto_id", "id_draw_%s")
        kwargs.setdefault("initial", {"size": SIZE, "second_percent": f"{float(100 * second_share()):g}"})
        super().__init__(*args, **kwargs)

    def options(self, heuristic: str) -> SampleOptions:
        """Return what is to be drawn. Only on a valid form."""
        share: Decimal = self.cleaned_data["second_percent"] / 100
        return SampleOptions(heuristic=heuristic, size=self.cleaned_data["size"], second_share=share)
