"""The list of companies: which ones a person looks for, in which order, a page at a time."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from django import forms

from ncfd_site.core import sql
from ncfd_site.core.lists import (
    ANY,
    COUNT_LIMIT,
    ListForm,
    ListPage,
    OrderField,
    Selection,
    get_page_slice,
    make_page,
    make_search_field,
)
from securities.loading.names import normalize_company_name
from securities.models import ReviewQueueItem
from securities.queries import listings
from signals.companies.risk import AT_RISK, list_ranked_companies

SORTS = {
    "name": "A to Z",
    "-name": "Z to A",
    "-p_fail": "highest probability of failure first",
    "-at_risk": "most trials at 75 % and more first",
}
TRIALS = {"": "with or without", "any": "with trials", "high": "with trials at 75 % and more"}
LISTED = {"": "listed or not", "now": "listed now"}


@dataclass(frozen=True, slots=True)
class CompanyFilter(Selection):
    """A selection of companies."""

    q: str = ""
    exchange: str = ""
    listed: str = ""
    trials: str = ""
    sort: str = "name"

    @property
    def is_bounded(self) -> bool:
        """True if only companies of the riskiest trials are looked through."""
        return self.trials == "high" or bool({"-p_fail", "-at_risk"} & {*self.keys})


@dataclass(frozen=True, slots=True)
class SponsorFilter(Selection):
    """A selection of sponsors in the review queue and without a company."""

    q: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True)
class ListedCompany:
    """A company in the list; `also` is the other name by which it was found, if its own name does not match."""

    company_id: int
    cik: int
    name: str
    also: str | None


# One row is enough; the index on the company finds it without reading the others.
_WITH_TRIALS = "(SELECT true FROM trial_current_scores s WHERE s.sponsor_company_id = c.company_id LIMIT 1)"
_LISTED = """EXISTS (
    SELECT FROM securities s JOIN exchanges e ON e.exchange_id = s.exchange_id
    WHERE s.company_id = c.company_id AND s.status = 'active' AND s.effective_range @> %(today)s
    AND (%(exchange)s = '' OR e.code = %(exchange)s)
)"""
_FOUND = """(
    c.cik = %(cik)s OR strpos(c.name_norm, %(name)s) > 0 OR c.company_id = ANY (%(of_ticker)s)
    OR c.company_id IN (SELECT a.company_id FROM company_aliases a WHERE strpos(a.alias_norm, %(name)s) > 0)
)"""
_ALSO = """
    (SELECT a.alias FROM company_aliases a WHERE a.company_id = c.company_id AND strpos(a.alias_norm, %(name)s) > 0
     AND strpos(c.name_norm, %(name)s) = 0 ORDER BY a.alias_norm LIMIT 1)
"""
_ORDERS = {
    "name": "c.name_norm",
    "-name": "c.name_norm DESC",
    "-p_fail": "r.p_fail DESC",
    "-at_risk": "r.at_risk DESC, r.p_fail DESC",
}
# Each is looked up by its key: a join would read all companies for the few hundred that are ranked.
_RANKED = """
    unnest(%(ranked)s::integer[], %(p_fails)s::numeric[], %(at_risks)s::integer[]) AS r (company_id, p_fail, at_risk)
    CROSS JOIN LATERAL (SELECT * FROM companies WHERE companies.company_id = r.company_id OFFSET 0) c
"""


def load_company_page(selection: CompanyFilter, number: int, today: date) -> ListPage[ListedCompany]:
    """Return page `number` (from 1) of the companies of a selection, in one to three queries."""
    rows = get_page_slice(number)
    keys: dict[str, Any] = {
        "today": today,
        "exchange": selection.exchange,
        "limit": rows.stop - rows.start,
        "offset": rows.start,
    }
    conditions, also, companies = [], "NULL::text", "companies c"
    if selection.q:
        conditions.append(_FOUND)
        also = _ALSO
        keys |= _build_search_parameters(selection.q)
    if selection.exchange or selection.listed:
        conditions.append(_LISTED)
    if selection.trials == "any":
        conditions.append(_WITH_TRIALS)
    if selection.is_bounded:
        ranked = list_ranked_companies(AT_RISK) if selection.trials == "high" else list_ranked_companies()
        companies = _RANKED
        keys |= {
            "ranked": [one.company_id for one in ranked],
            "p_fails": [one.p_fail for one in ranked],
            "at_risks": [one.at_risk for one in ranked],
        }
    where = " AND ".join(conditions) or "true"
    last = "c.company_id DESC" if selection.sort == "-name" else "c.name_norm, c.company_id"
    query = f"""
        SELECT c.company_id, c.cik, c.name, {also} AS also FROM {companies}
        WHERE {where}
        ORDER BY {", ".join(_ORDERS[key] for key in selection.keys)}, {last} LIMIT %(limit)s OFFSET %(offset)s
    """  # noqa: S608 (texts of this module)
    page = make_page(sql.rows(query, keys, of=ListedCompany), number)
    if page.total is None:
        counted = f"SELECT count(*) FROM (SELECT FROM {companies} WHERE {where} LIMIT {COUNT_LIMIT + 1}) few"  # noqa: S608
        page = replace(page, total=sql.value(counted, keys))
    return page


def _build_search_parameters(text: str) -> dict[str, Any]:
    bare = text.strip()
    is_cik = bare.isascii() and bare.isdigit() and len(bare) <= len("9999999999")
    return {
        "cik": int(bare) if is_cik else 0,
        # What is no letter or digit leaves nothing; then no name is meant.
        "name": normalize_company_name(bare) or "\x01",
        "of_ticker": list({span.company_id for span in listings.list_ticker_history(bare)}),
    }


class CompanyFilterForm(ListForm[CompanyFilter]):
    """The filters and the order of the list of companies."""

    selection_class = CompanyFilter

    q = make_search_field("Name, former name, CIK or ticker")
    exchange = forms.CharField(label="Listed on", required=False, max_length=100)
    listed = forms.ChoiceField(label="Listing", required=False, choices=LISTED.items())
    trials = forms.ChoiceField(label="Trials", required=False, choices=TRIALS.items())
    order = OrderField(SORTS)

    def __init__(self, *args: Any, exchanges: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("exchange", [ANY, *((code, code) for code in exchanges)])


class SponsorFilterForm(ListForm[SponsorFilter]):
    """The filters of the sponsors in the review queue and of those without a company."""

    selection_class = SponsorFilter

    q = make_search_field("Sponsor or NCT ID")
    status = forms.ChoiceField(label="Queue", required=False, choices=[ANY, *ReviewQueueItem.Status.choices])


class DayForm(forms.Form):
    """The day as of which a ticker is asked for; today where none is given."""

    on = forms.DateField(
        label="Day",
        label_suffix="",
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"invalid": "Enter a date as YYYY-MM-DD, such as 2019-05-02."},
    )
