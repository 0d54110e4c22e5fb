"""Companies with names, owners and securities; drugs as assets; and decisions of the sponsor resolver."""

from datetime import timedelta

from linkaudit.asset_names import normalize_name
from ncfd_site.core import sql
from ncfd_site.demo.catalog import COMPANIES, DRUGS
from ncfd_site.demo.loader import Loader
from securities.models import Exchange

# Pharmaceutical preparations, and biological products.
SICS = ("2836", "2834")
# Time from a registry load to the decisions on its sponsors.
TO_DECISION = timedelta(hours=1)
# The column is text, so that it can hold the identifier of another source.
_LINK_SECURITIES = """
INSERT INTO company_securities (company_id, security_id, linked_at)
SELECT company_id, security_id::text, %(at)s FROM securities
UNION ALL VALUES (%(unlisted)s, 'FIGI:DEMOUNLISTED1', %(at)s)
"""
_APPLY_DECISIONS = """
UPDATE trials t SET sponsor_company_id = d.company_id FROM resolver_decisions d
WHERE d.nct_id = t.nct_id AND t.sponsor_company_id IS NULL AND d.company_id IS NOT NULL
"""


def add_companies(loader: Loader) -> None:
    """Add every company with its names, owners and securities, and every drug as an asset."""
    companies = COMPANIES.values()
    loader.add("companies", ({"company": company, "sic": SICS[company.number % 2]} for company in companies))
    usual = [row for company in companies for row in loader.fixed("usual_aliases", company=company)]
    loader.add("company_aliases", [*usual, *loader.fixed("company_aliases")])
    loader.add_fixed("company_relationships")
    loader.add_fixed("exchanges")
    securities = loader.fixed("securities", **dict(Exchange.objects.values_list("code", "pk")))
    loader.add("securities", ({**row, "place": place} for place, row in enumerate(securities)))
    sql.execute(_LINK_SECURITIES, {"at": loader.calendar.at(-238, 1), "unlisted": COMPANIES["blefuscu"].number})
    _add_assets(loader)


def add_resolver(loader: Loader) -> None:
    """Add rules, decisions, open cases and training labels of the sponsor resolver."""
    cases = {case["sponsor_text"] for case in loader.fixed("resolver_decisions")}
    clear = [trial for trial in loader.trials if trial.sponsor not in cases and not trial.is_public]
    times = [loader.calendar.load(trial.first_load) + TO_DECISION for trial in clear]
    loader.add("resolver_decisions", ({"trial": trial, "at": at} for trial, at in zip(clear, times, strict=True)))
    for table in ("decisions", "features", "flags", "det_rules", "llm_logs", "labels"):
        loader.add_fixed(f"resolver_{table}")
    loader.add_fixed("review_queue")
    sql.execute(_APPLY_DECISIONS)


def _add_assets(loader: Loader) -> None:
    """Add every drug with its names, assets that other sources created, and pairs that may be one asset."""
    loader.add("assets", ({"drug": drug} for drug in DRUGS.values()))
    loader.add_fixed("assets")
    strays = dict(enumerate(loader.fixed("assets"), start=len(DRUGS) + 1))
    names = {drug.number: drug.names_by_kind for drug in DRUGS.values()}
    names |= {number: row["names_jsonb"] for number, row in strays.items()}
    aliases = [(number, kind, name, "demonstration") for number, kinds in names.items() for kind, name in kinds.items()]
    aliases += [
        (drug.number, "code", drug.other_code, "license agreement") for drug in DRUGS.values() if drug.other_code
    ]
    loader.add(
        "asset_aliases",
        (
            {"number": number, "kind": kind, "alias": name, "alias_norm": normalize_name(name), "source": source}
            for number, kind, name, source in aliases
        ),
    )
    loader.add_fixed("merge_candidates", strays=list(strays))
