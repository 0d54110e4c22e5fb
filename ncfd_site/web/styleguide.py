"""The style guide: every token and component in its states, for staff."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ncfd_site.core.charts.bars import BarItem, build_bar_chart
from ncfd_site.core.charts.intervals import Estimate, IntervalItem, build_interval_chart
from ncfd_site.core.charts.series import SeriesItem, build_series_chart
from ncfd_site.core.lists import make_search_field
from ncfd_site.core.permissions import current_user, require_permission

TOKENS = Path(__file__).parent / "static/ncfd/tokens.css"
_COLOR = re.compile(
    r"^    --([a-z0-9-]+): (?:light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)|(#[0-9a-f]{6}));$", re.MULTILINE
)
# Shares of 1 with whether the score is only a prior: each band once, then a prior.
RISKS = ((0.12, False), (0.31, False), (0.64, False), (0.84, False), (0.985, False), (0.71, True))
SERIES = [
    SeriesItem(f"2026-{month:02}-02", value, f"{value} signals")
    for month, value in enumerate((4, 0, 7, 12, 9, 3), start=1)
]


@dataclass(frozen=True, slots=True)
class ColorToken:
    """A color of tokens.css in both themes, as #rrggbb."""

    name: str
    light: str
    dark: str

    @property
    def reference(self) -> str:
        """The value of a property that uses the token."""
        return f"var(--{self.name})"


@cache
def read_color_tokens() -> dict[str, ColorToken]:
    """Return the colors by name, without those of print, high contrast and forced colors."""
    text = TOKENS.read_text(encoding="utf-8").partition("@media")[0]
    return {name: ColorToken(name, light or both, dark or both) for name, light, dark, both in _COLOR.findall(text)}


class ExampleForm(forms.Form):
    """The filters of the example list."""

    q = make_search_field("Name or ID")
    state = forms.ChoiceField(label="State", required=False, choices=[("", "any"), ("open", "open")])
    since = forms.DateField(
        label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}), initial="2026-11-01"
    )


@require_safe
@require_permission()
def styleguide(request: HttpRequest) -> HttpResponse:
    """Show the tokens and components."""
    if not current_user(request).is_staff:
        raise PermissionDenied("The style guide is for staff.")
    return render(
        request,
        "styleguide/styleguide.html",
        {
            "title": "Style guide",
            "colors": read_color_tokens().values(),
            "risks": RISKS,
            "form": ExampleForm(label_suffix=""),
            "wrong_form": ExampleForm({"since": "2026-13-01"}, label_suffix=""),
            "series": build_series_chart("weeks", "Signals fired a week", ("Week", "Signals"), SERIES),
            "single": build_series_chart("single", "A single value", ("Week", "Signals"), SERIES[:1]),
            "chart": build_bar_chart(
                "example",
                "Objects by tier",
                ["Tier", "Objects"],
                [
                    BarItem("local disk", 233, "233 objects", ["233"], "#chart"),
                    BarItem("S3", 5, "5 objects", ["5"], is_hollow=True),
                    BarItem("unknown", 0, "none", ["0"]),
                ],
            ),
            "interval_chart": build_interval_chart(
                [
                    IntervalItem("HP-1", "106 of 109 right", Estimate(0.9725, 0.9222, 0.9906)),
                    IntervalItem("HP-2", "57 of 57 right", Estimate(1.0, 0.9368, 1.0)),
                    IntervalItem("HP-4", "not reviewed", None),
                ],
                0.95,
            ),
        },
    )
