"""The pages on companies, their tickers, and sponsors without a company."""

from collections.abc import Sequence
from datetime import date

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from ncfd_site.core.charts.bars import BarChart, BarItem, build_bar_chart
from ncfd_site.core.charts.timeline import Timeline, TimelineItem, build_timeline
from ncfd_site.core.formatting import format_quantity
from ncfd_site.core.permissions import current_user, require_permission
from securities.models import Company, Exchange, Security
from securities.queries import corporate_structure, listings, sponsor_queue
from securities.queries.listings import ListingPeriod
from signals.companies import risk
from signals.companies.listing import CompanyFilterForm, DayForm, SponsorFilter, SponsorFilterForm, load_company_page
from signals.companies.queries import (
    MAX_SEARCHED,
    list_company_documents,
    list_issuer_periods,
    list_unresolved_sponsors,
    resolve_ticker,
)
from signals.companies.risk import Exposure
from signals.templatetags.signals import days_of


def build_band_chart(exposure: Exposure, company: Company, *, is_alone: bool) -> BarChart:
    """Return a bar chart of the trials by band; bars link to trials if the company `is_alone`."""
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
    """Return a timeline of listing periods; those on the day `on` are filled, on today's chart only if active."""
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


VIEW = "securities.view_company"
VIEW_RISK = "signals.view_score"
VIEW_DOCUMENTS = "storage.view_document"
VIEW_RESOLVER = "securities.view_reviewqueueitem"


@require_safe
@require_permission(VIEW)
def companies(request: HttpRequest) -> HttpResponse:
    """List companies with filters, an order and pages."""
    today = timezone.localdate()
    form = CompanyFilterForm(request.GET, exchanges=Exchange.objects.order_by("code").values_list("code", flat=True))
    selection = form.get_selection() if form.is_valid() else None
    page = load_company_page(selection, form.get_page_number(), today) if selection else None
    ids = [one.company_id for one in page.rows] if page else []
    tickers = listings.list_active_listings(ids, today) if ids else {}
    parents = corporate_structure.list_direct_parents(ids) if ids else {}
    may_see_risk = current_user(request).has_perm(VIEW_RISK)
    summaries = risk.summarize_trials(ids, today) if may_see_risk else {}
    return render(
        request,
        "companies/companies.html",
        {
            "title": "Companies",
            "form": form,
            "selection": selection,
            "page": page,
            "rows": [
                (one, tickers.get(one.company_id, []), parents.get(one.company_id, []), summaries.get(one.company_id))
                for one in (page.rows if page else [])
            ],
            "may_see_risk": may_see_risk,
            "riskiest": risk.RISKIEST,
            "most_of_one": risk.COMPANY_LIMIT,
        },
        status=200 if selection else 400,
    )


@require_safe
@require_permission(VIEW)
def company(request: HttpRequest, cik: int) -> HttpResponse:
    """Show one company: names, structure, securities over time, trials, documents."""
    found = _get_company_or_404(cik)
    today, user = timezone.localdate(), current_user(request)
    structure = corporate_structure.load_corporate_structure(found.pk)
    spans = listings.list_company_listings(found.pk)
    members = [found.pk, *structure.subsidiaries]
    below = {one.company_id: one for one in structure.children if not one.is_cycle}
    only_ahead = request.GET.get("trials") != "all"
    exposure = risk.load_exposure(members, today, only_ahead=only_ahead) if user.has_perm(VIEW_RISK) else None
    return render(
        request,
        "companies/company.html",
        {
            "title": found.name,
            "company": found,
            "names": found.aliases.select_related("alias_company").order_by("alias_type", "start_date", "alias_norm"),
            "structure": structure,
            "canonical": next((one for one in structure.parents if one.company_id == structure.canonical_id), None),
            "spans": spans,
            "timeline": build_listing_timeline(spans, today, today, with_company=False),
            "today": today,
            "foreign": listings.list_unknown_identifiers(found.pk),
            "exposure": exposure,
            "only_ahead": only_ahead,
            "most": risk.PAGE_LIMIT,
            "chart": build_band_chart(exposure, found, is_alone=len(members) == 1)
            if exposure and exposure.total
            else None,
            "trials": [(one, below.get(one.company_id)) for one in exposure.riskiest] if exposure else [],
            "documents": list_company_documents(members) if user.has_perm(VIEW_DOCUMENTS) else None,
        },
    )


@require_safe
@require_permission(VIEW)
def ticker(request: HttpRequest, ticker: str) -> HttpResponse:
    """Show the companies of a ticker on a day, and over time."""
    spans = listings.list_ticker_history(ticker)
    if not spans:
        if not listings.list_ticker_spellings(ticker):
            raise Http404("Invalid ticker: a ticker has up to 32 characters without spaces, such as PFE or BRK.B.")
        raise Http404(f"No security has or had the ticker {ticker.strip().upper()}. Check the spelling, or load it.")
    today = timezone.localdate()
    form = DayForm(request.GET)
    on = (form.cleaned_data["on"] or today) if form.is_valid() else None
    meaning = resolve_ticker(spans, on) if on else None
    may_see_risk = current_user(request).has_perm(VIEW_RISK)
    companies = {span.company_id: span for span in meaning.claims} if meaning and may_see_risk else {}
    found = risk.summarize_trials(companies, today)
    return render(
        request,
        "companies/ticker.html",
        {
            "title": f"Ticker {spans[-1].ticker}",
            "form": DayForm(initial={"on": on or today}),
            "problems": form.errors.get("on", []),
            "on": on,
            "today": today,
            "meaning": meaning,
            "spans": spans,
            "timeline": build_listing_timeline(list_issuer_periods(spans), on or today, today, with_company=True),
            "timeline_on": on or today,
            "may_see_risk": may_see_risk,
            "exposed": [(span, found.get(key)) for key, span in companies.items()],
            "most_of_one": risk.COMPANY_LIMIT,
        },
        status=200 if meaning else 400,
    )


@require_safe
@require_permission(VIEW)
def sponsors(request: HttpRequest) -> HttpResponse:
    """Show the review queue and decisions of the resolver, and unresolved sponsors."""
    user = current_user(request)
    form = SponsorFilterForm(request.GET)
    is_valid = form.is_valid()
    selection = form.get_selection() if is_valid else SponsorFilter()
    text = selection.q.strip()
    number = form.get_page_number() if is_valid else 1
    is_whole = is_valid and not selection.status and number == 1
    queue = None
    if is_valid and user.has_perm(VIEW_RESOLVER):
        queue = sponsor_queue.load_queue_page(selection.status, text, number, with_undecided=is_whole)
    return render(
        request,
        "companies/sponsors.html",
        {
            "title": "Unresolved sponsors",
            "form": form,
            "is_valid": is_valid,
            "is_new": is_valid and selection.is_default,
            "selection": selection if is_valid else None,
            "text": text,
            "status": selection.status,
            "queue": queue,
            "unresolved": list_unresolved_sponsors(text) if is_whole and user.has_perm(VIEW_RISK) else None,
            "searched": MAX_SEARCHED,
        },
        status=200 if is_valid else 400,
    )


def _get_company_or_404(cik: int) -> Company:
    try:
        # A longer number is no CIK, and the column has no room for it.
        return Company.objects.defer("metadata").get(cik=cik if cik < 10**10 else -1)
    except Company.DoesNotExist:
        raise Http404(f"There is no company with the CIK {str(cik)[:20]}. Check the spelling, or load it.") from None
