"""Trials, companies, tickers and drugs in the search, by number and by the beginning of a name."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from django.contrib.auth.models import User
from django.db import transaction
from django.urls import reverse

from linkaudit.asset_names import normalize_name
from ncfd_site.core import sql
from ncfd_site.search.providers import MOST_HITS, Hit, Provider, build_prefix_pattern, parse_key, register
from securities.loading.names import normalize_company_name
from signals.models import Trial
from signals.trials.search import TICKER, Found, filter_by_search, has_nct_id, parse_nct_ids

VIEW_TRIALS, VIEW_COMPANIES, VIEW_ASSETS = "signals.view_score", "securities.view_company", "linkaudit.view_asset"
# Rows read for a group: a company has several names, a ticker several periods.
READ = 4 * MOST_HITS
# Ordered as the indexes on prefixes are, which have the first rows without reading the others.
_COMPANIES = """
    SELECT c.cik::text AS key, c.name AS title, coalesce('also ' || found.also, 'CIK ' || c.cik) AS note FROM (
        (SELECT company_id, NULL AS also, 0 AS rank FROM companies WHERE cik = %(number)s)
        UNION ALL (SELECT company_id, NULL, 1 FROM companies WHERE name_norm LIKE %(pattern)s
                   ORDER BY name_norm USING ~<~ LIMIT %(read)s)
        UNION ALL (SELECT company_id, alias, 2 FROM company_aliases
                   WHERE alias_norm LIKE %(pattern)s AND alias_type <> 'domain'
                   ORDER BY alias_norm USING ~<~ LIMIT %(read)s)
    ) found JOIN companies c USING (company_id) ORDER BY found.rank, c.name_norm, c.company_id
"""
_TICKERS = """
    SELECT s.ticker AS key, s.ticker AS title,
           c.name || CASE s.status WHEN 'active' THEN '' ELSE ', ' || s.status END AS note
    FROM (SELECT * FROM securities WHERE ticker_norm LIKE %(pattern)s ORDER BY ticker_norm USING ~<~ LIMIT %(read)s) s
    JOIN companies c USING (company_id) ORDER BY s.ticker_norm, s.status <> 'active'
"""
_DRUGS = """
    SELECT asset_id::text AS key, alias AS title, 'trials of this drug' AS note FROM asset_aliases
    WHERE alias_norm LIKE %(pattern)s ORDER BY alias_norm USING ~<~ LIMIT %(read)s
"""
# First the few versions of the index: in the order of trials, the server would read all of them.
_FORMER_IDS = """
    WITH found AS MATERIALIZED (
        SELECT v.trial_id, former.id FROM unnest(%(ids)s::text[]) AS former (id) JOIN trial_versions v
            ON v.raw_jsonb #> '{protocolSection,identificationModule,nctIdAliases}' @> to_jsonb(former.id)
    )
    SELECT nct_id AS key, nct_id AS title, 'formerly ' || id AS note FROM (
        SELECT DISTINCT id, (SELECT nct_id FROM trials WHERE trials.trial_id = found.trial_id) AS nct_id FROM found
    ) former ORDER BY nct_id LIMIT %(read)s
"""


@dataclass(frozen=True, slots=True)
class _Row:
    key: str
    title: str
    note: str


def _read(query: str, **parameters: Any) -> Iterable[_Row]:
    """Return the first row of each key."""
    found: dict[str, _Row] = {}
    for row in sql.rows(query, parameters | {"read": READ}, of=_Row):
        found.setdefault(row.key, row)
    return found.values()


def find_trials(text: str, user: User) -> Iterator[Hit]:
    """Yield the trials whose NCT ID is, was, or begins with, the text, in any spelling."""
    if not has_nct_id(text):
        return
    for trial in filter_by_search(Trial.objects.order_by("nct_id"), text, Found())[:MOST_HITS]:
        about = ", ".join(filter(None, (trial.sponsor_text, trial.indication)))
        yield Hit(trial.nct_id, reverse("why:trial", args=[trial.nct_id]), about)
    if ids := parse_nct_ids(text)[:MOST_HITS]:
        with transaction.atomic():
            # The server takes a former number for one in a hundred versions.
            sql.value("SELECT set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)")
            found = _read(_FORMER_IDS, ids=ids)
        for row in found:
            yield Hit(row.title, reverse("why:trial", args=[row.key]), row.note)


def find_companies(text: str, user: User) -> Iterator[Hit]:
    """Yield the companies with a CIK, or with a current or former name that begins with the text."""
    pattern = build_prefix_pattern(normalize_company_name(text))
    for row in _read(_COMPANIES, number=parse_key(text), pattern=pattern):
        yield Hit(row.title, reverse("companies:company", args=[row.key]), row.note)


def find_tickers(text: str, user: User) -> Iterator[Hit]:
    """Yield the tickers that begin with the text; of an active and a former one, the active one."""
    if TICKER.fullmatch(text):
        for row in _read(_TICKERS, pattern=build_prefix_pattern(text.upper())):
            yield Hit(row.title, reverse("companies:ticker", args=[row.key]), row.note)


def find_drugs(text: str, user: User) -> Iterator[Hit]:
    """Yield the trials of the drugs with a name, code or identifier that begins with the text."""
    for row in _read(_DRUGS, pattern=build_prefix_pattern(normalize_name(text))):
        yield Hit(row.title, _search_list("risk:trials", row.title), row.note)


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
