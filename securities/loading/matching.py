"""Which company a sponsor's name means."""

from collections.abc import Mapping
from dataclasses import dataclass

from ncfd_site.core import sql
from securities.loading.names import normalize_company_name

# Kinds of alias that are a name of the company itself. Brands, domains and subsidiaries are not.
_OWN_NAMES = ("former_name", "legal", "aka", "dba")


@dataclass(frozen=True, slots=True)
class _Named:
    company_id: int
    name: str


def load_company_names() -> Mapping[str, int | None]:
    """Every normalised name of every company, and the one company that it means; None where it fits two.

    Grows with the number of companies, not with what is loaded.
    """
    named = sql.rows(
        "SELECT company_id, name::text AS name FROM companies"
        " UNION SELECT company_id, alias FROM company_aliases WHERE alias_type::text = ANY(%s)",
        [list(_OWN_NAMES)],
        of=_Named,
    )
    found: dict[str, int | None] = {}
    for row in named:
        key = normalize_company_name(row.name)
        if key:
            found[key] = row.company_id if found.get(key, row.company_id) == row.company_id else None
    return found


def match_company(names: Mapping[str, int | None], sponsor: str | None) -> int | None:
    """The company of that name, where exactly one fits."""
    key = normalize_company_name(sponsor) if sponsor else ""
    return names.get(key) if key else None
