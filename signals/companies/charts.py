"""The trials of a company by how likely they are to fail, as bars."""

from django.urls import reverse

from securities.models import Company
from signals.companies.risk import Exposure
from storage.charts import BarChart, Line, bar_chart


def band_chart(exposure: Exposure, company: Company, *, is_alone: bool) -> BarChart:
    """Lay out a bar for each band; it leads to its trials where they are all the company's own (`is_alone`)."""
    trials = reverse("risk:trials")
    lines = [
        Line(
            words=band.words,
            value=count,
            told=f"{count:,} trial{'' if count == 1 else 's'}",
            cells=[f"{count:,}"],
            url=f"{trials}?sponsor={company.cik}&band={band.name}" if count and is_alone else "",
            is_open=not band.is_scored,
        )
        for band, count in exposure.bands.items()
    ]
    return bar_chart("bands", "Trials by probability of failure", ["Band", "Trials"], lines)
