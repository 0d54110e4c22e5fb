"""Charts on the pages of companies and tickers."""

from collections.abc import Sequence
from datetime import date

from django.urls import reverse

from ncfd_site.core.charts.bars import BarChart, BarItem, build_bar_chart
from ncfd_site.core.charts.timeline import Timeline, TimelineItem, build_timeline
from ncfd_site.core.formatting import format_quantity
from securities.models import Company, Security
from securities.queries.listings import ListingPeriod
from signals.companies.risk import Exposure
from signals.templatetags.companies import days_of


def build_band_chart(exposure: Exposure, company: Company, *, is_alone: bool) -> BarChart:
    """Return a bar for each band; it links to its trials if all of them are the company's own (`is_alone`)."""
    trials = reverse("risk:trials")
    items = [
        BarItem(
            label=band.words,
            value=count,
            text=format_quantity(count, "trial"),
            cells=[f"{count:,}"],
            url=f"{trials}?sponsor={company.cik}&band={band.name}" if count and is_alone else "",
            is_hollow=not band.is_scored,
        )
        for band, count in exposure.bands.items()
    ]
    return build_bar_chart("bands", "Trials by probability of failure", ["Band", "Trials"], items)


def build_listing_timeline(
    periods: Sequence[ListingPeriod], on: date, today: date, *, with_company: bool
) -> Timeline | None:
    """Return a row for each listing period; those of `on` are filled, on today's chart only if they trade."""
    items = []
    for period in periods:
        listing = f"{period.exchange}, {period.status_label}"
        items.append(
            TimelineItem(
                label=period.ticker,
                text=period.company_name if with_company else listing,
                more=f", {listing}, {days_of(period)}" if with_company else f", {days_of(period)}",
                start=period.first,
                end=period.after,
                is_filled=period.includes(on) and (on != today or period.status == Security.Status.ACTIVE),
            )
        )
    return build_timeline([item for item, period in zip(items, periods, strict=True) if not period.is_empty], on, today)
