"""Matching of sponsors to companies by name."""

from collections.abc import Mapping
from dataclasses import dataclass

from ncfd_site.core import sql
from securities.loading.names import normalize_company_name

# Alias types that are names of the company itself.
_OWN_NAMES = ("former_name", "legal", "aka", "dba")


@dataclass(frozen=True, slots=True)
class _Name:
    company_id: int
    name: str


def load_company_names() -> Mapping[str, int | None]:
    """Return the company ID of every normalized company name; None for a name of several companies.

    Memory grows with the number of companies.
    """
    rows = sql.rows(
        "SELECT company_id, name::text AS name FROM companies"
        " UNION SELECT company_id, alias FROM company_aliases WHERE alias_type::text = ANY(%s)",
        [list(_OWN_NAMES)],
        of=_Name,
    )
    companies: dict[str, int | None] = {}
    for row in rows:
        key = normalize_company_name(row.name)
        if key:
            companies[key] = row.company_id if companies.get(key, row.company_id) == row.company_id else None
    return companies


def match_company(names: Mapping[str, int | None], sponsor: str | None) -> int | None:
    """Return the only company with that name, or None."""
    key = normalize_company_name(sponsor) if sponsor else ""
    return names.get(key) if key else None
