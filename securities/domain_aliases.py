"""Internet domains of companies; their view has no key, so no model can stand for a row of it."""

from dataclasses import dataclass

from ncfd_site.core import sql


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainAlias:
    """A domain that belongs to a company, in lower case; `src` tells who says so: an `alias` or the `company` row."""

    company_id: int
    domain_root: str
    src: str


def domain_aliases(company_id: int) -> list[DomainAlias]:
    """Return the domains of a company, sorted."""
    return sql.rows(
        "SELECT company_id, domain_root, src FROM v_domain_aliases WHERE company_id = %s ORDER BY domain_root, src",
        [company_id],
        of=DomainAlias,
    )


def companies_of_domain(domain: str) -> list[DomainAlias]:
    """Return every claim of a company to this domain, whatever its case; several where companies share one."""
    return sql.rows(
        """
        SELECT company_id, domain_root, src FROM v_domain_aliases
        WHERE domain_root = lower(%s) ORDER BY company_id, src
        """,
        [domain],
        of=DomainAlias,
    )
