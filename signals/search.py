"""Trials, companies, tickers and drugs in the search, by number and by the beginning of a name."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from django.contrib.auth.models import User
from django.urls import reverse

from linkaudit.asset_names import normalize_name
from ncfd_site.core import sql
from ncfd_site.search.providers import MOST_HITS, Hit, Provider, build_prefix_pattern, parse_key, register
from securities.loading.names import normalize_company_name
from signals.models import Trial
from signals.trials.search import TICKER, Found, filter_by_search, has_nct_id

VIEW_TRIALS, VIEW_COMPANIES, VIEW_ASSETS = "signals.view_score", "securities.view_company", "linkaudit.view_asset"
# Rows read for a group: a company has several names, a ticker several periods.
READ = 4 * MOST_HITS
# Ordered as the indexes on patterns are, which have the first rows without reading the others.
_COMPANIES = """
    SELECT c.cik, c.name, found.also FROM (
        (SELECT company_id, NULL AS also, 0 AS rank FROM companies WHERE cik = %(cik)s)
        UNION ALL (SELECT company_id, NULL, 1 FROM companies WHERE name_norm LIKE %(pattern)s
                   ORDER BY name_norm USING ~<~ LIMIT %(read)s)
        UNION ALL (SELECT company_id, alias, 2 FROM company_aliases
                   WHERE alias_norm LIKE %(pattern)s AND alias_type <> 'domain'
                   ORDER BY alias_norm USING ~<~ LIMIT %(read)s)
    ) found JOIN companies c USING (company_id) ORDER BY found.rank, c.name_norm, c.company_id
"""
_TICKERS = """
    SELECT s.ticker, s.status::text AS status, c.name FROM securities s JOIN companies c USING (company_id)
    WHERE s.ticker_norm LIKE %(pattern)s ORDER BY s.ticker_norm USING ~<~, s.status <> 'active' LIMIT %(read)s
"""
_DRUGS = """
    SELECT asset_id, alias FROM asset_aliases WHERE alias_norm LIKE %(pattern)s
    ORDER BY alias_norm USING ~<~ LIMIT %(read)s
"""


@dataclass(frozen=True, slots=True)
class _Company:
    cik: int
    name: str
    also: str | None


@dataclass(frozen=True, slots=True)
class _Ticker:
    ticker: str
    status: str
    name: str


@dataclass(frozen=True, slots=True)
class _Drug:
    asset_id: int
    alias: str


def find_trials(text: str, user: User) -> Iterator[Hit]:
    """Yield the trials whose NCT ID is, or begins with, the text, in any spelling."""
    if has_nct_id(text):
        for trial in filter_by_search(Trial.objects.order_by("nct_id"), text, Found())[:MOST_HITS]:
            about = ", ".join(filter(None, (trial.sponsor_text, trial.indication)))
            yield Hit(trial.nct_id, reverse("why:trial", args=[trial.nct_id]), about)


def find_companies(text: str, user: User) -> Iterator[Hit]:
    """Yield the companies with a CIK, or with a current or former name that begins with the text."""
    parameters = {"cik": parse_key(text), "pattern": build_prefix_pattern(normalize_company_name(text)), "read": READ}
    companies: dict[int, _Company] = {}
    for one in sql.rows(_COMPANIES, parameters, of=_Company):
        companies.setdefault(one.cik, one)
    for one in companies.values():
        note = f"also {one.also}" if one.also else f"CIK {one.cik}"
        yield Hit(one.name, reverse("companies:company", args=[one.cik]), note)


def find_tickers(text: str, user: User) -> Iterator[Hit]:
    """Yield the tickers that begin with the text; of an active and a former one, the active one."""
    if not TICKER.fullmatch(text):
        return
    tickers: dict[str, _Ticker] = {}
    for one in sql.rows(_TICKERS, {"pattern": build_prefix_pattern(text.upper()), "read": READ}, of=_Ticker):
        tickers.setdefault(one.ticker, one)
    for one in tickers.values():
        note = one.name if one.status == "active" else f"{one.name}, {one.status}"
        yield Hit(one.ticker, reverse("companies:ticker", args=[one.ticker]), note)


def find_drugs(text: str, user: User) -> Iterator[Hit]:
    """Yield the trials of the drugs with a name, code or identifier that begins with the text."""
    assets: dict[int, _Drug] = {}
    for one in sql.rows(_DRUGS, {"pattern": build_prefix_pattern(normalize_name(text)), "read": READ}, of=_Drug):
        assets.setdefault(one.asset_id, one)
    for one in assets.values():
        yield Hit(one.alias, _search_list("risk:trials", one.alias), "trials of this drug")


def list_lists(text: str, user: User) -> Iterator[Hit]:
    """Yield the lists that can be narrowed by the text; they also search inside names."""
    for title, view, permission in (
        ("Trials", "risk:trials", VIEW_TRIALS),
        ("Companies", "companies:companies", VIEW_COMPANIES),
        ("Links", "linkaudit:links", "linkaudit.view_linkaudit"),
    ):
        if user.has_perm(permission):
            yield Hit(f"{title} with \u201c{text}\u201d", _search_list(view, text))


def _search_list(view: str, text: str) -> str:
    return f"{reverse(view)}?{urlencode({'q': text}, quote_via=quote)}"


for position, (key, title, find, permissions) in enumerate(
    (
        ("trials", "Trials", find_trials, (VIEW_TRIALS,)),
        ("tickers", "Tickers", find_tickers, (VIEW_COMPANIES,)),
        ("companies", "Companies", find_companies, (VIEW_COMPANIES,)),
        ("drugs", "Drugs", find_drugs, (VIEW_TRIALS, VIEW_ASSETS)),
    )
):
    register(Provider(key=key, title=title, position=position, find=find, permissions=permissions))
register(Provider(key="lists", title="Lists", position=100, find=list_lists))
