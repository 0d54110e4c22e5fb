"""Parents and subsidiaries of companies."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from ncfd_site.core import sql

MAX_DEPTH = 6
MAX_COMPANIES = 200


@dataclass(frozen=True, slots=True)
class RelatedCompany:
    """A parent or subsidiary. `steps` is its distance; `is_cycle` marks a company that is already on the path."""

    company_id: int
    cik: int
    name: str
    steps: int
    rel_type: str
    start_date: date | None
    end_date: date | None
    is_cycle: bool

    @property
    def is_current(self) -> bool:
        """True if the relationship has no end date."""
        return self.end_date is None


@dataclass(frozen=True, slots=True)
class CorporateStructure:
    """Parents and children of a company in depth-first order.

    `canonical_id` is the ultimate parent over current relationships, from `v_company_canonical`.
    """

    parents: list[RelatedCompany]
    children: list[RelatedCompany]
    canonical_id: int

    @property
    def subsidiaries(self) -> list[int]:
        """Distinct companies that are current children, at any depth."""
        return list(dict.fromkeys(one.company_id for one in self.children if one.is_current and not one.is_cycle))

    @property
    def has_cycle(self) -> bool:
        """True if a company owns itself, directly or through others."""
        return any(one.is_cycle for one in [*self.parents, *self.children])

    @property
    def is_truncated(self) -> bool:
        """True if a limit on depth or count may have hidden companies."""
        return any(
            len(side) == MAX_COMPANIES or any(one.steps == MAX_DEPTH for one in side)
            for side in (self.parents, self.children)
        )


# Former relationships are listed but not followed. LIMIT stops the recursion early where all companies own each other.
_WALK = """
    WITH RECURSIVE walk AS (
        SELECT r.{to} AS company_id, 1 AS steps, r.rel_type, r.start_date, r.end_date,
               ARRAY[r.{of}, r.{to}] AS path, r.{to} = r.{of} AS is_cycle
        FROM company_relationships r WHERE r.{of} = %(company)s
        UNION ALL
        SELECT r.{to}, w.steps + 1, r.rel_type, r.start_date, r.end_date, w.path || r.{to}, r.{to} = ANY (w.path)
        FROM walk w JOIN company_relationships r ON r.{of} = w.company_id
        WHERE NOT w.is_cycle AND w.end_date IS NULL AND w.steps < %(depth)s
    )
    SELECT w.company_id, c.cik, c.name, w.steps, w.rel_type, w.start_date, w.end_date, w.is_cycle, w.path
    FROM (SELECT * FROM walk LIMIT %(limit)s) w JOIN companies c ON c.company_id = w.company_id
"""
# A company without parents is its own ultimate parent: the view, which walks all companies, is not read for it.
_STRUCTURE = f"""
    SELECT walked.*, CASE WHEN is_parent THEN (
        SELECT canonical_id FROM v_company_canonical WHERE company_id = %(company)s
    ) END AS canonical_id
    FROM (SELECT true AS is_parent, up.* FROM ({_WALK.format(of="child_company_id", to="parent_company_id")}) up
          UNION ALL
          SELECT false, down.* FROM ({_WALK.format(of="parent_company_id", to="child_company_id")}) down) walked
    ORDER BY path, end_date DESC NULLS FIRST, rel_type
"""  # noqa: S608 (constants of this module)


@dataclass(frozen=True, slots=True)
class _Row(RelatedCompany):
    is_parent: bool
    path: list[int]
    canonical_id: int | None


@dataclass(frozen=True, slots=True)
class DirectParent:
    """A current direct parent of `child_id`."""

    child_id: int
    cik: int
    name: str


def load_corporate_structure(company_id: int) -> CorporateStructure:
    """Return the parents and children of a company; a cycle is cut where it closes."""
    rows = sql.rows(_STRUCTURE, {"company": company_id, "depth": MAX_DEPTH, "limit": MAX_COMPANIES}, of=_Row)
    return CorporateStructure(
        parents=[row for row in rows if row.is_parent],
        children=[row for row in rows if not row.is_parent],
        canonical_id=next((row.canonical_id for row in rows if row.canonical_id is not None), company_id),
    )


def list_direct_parents(company_ids: Collection[int]) -> dict[int, list[DirectParent]]:
    """Return the current direct parents by company, in alphabetical order; companies without any are absent."""
    rows = sql.rows(
        """
        SELECT r.child_company_id AS child_id, c.cik, c.name
        FROM company_relationships r JOIN companies c ON c.company_id = r.parent_company_id
        WHERE r.child_company_id = ANY (%s) AND r.end_date IS NULL AND r.parent_company_id <> r.child_company_id
        GROUP BY r.child_company_id, c.company_id ORDER BY c.name_norm, c.company_id
        """,
        [list(company_ids)],
        of=DirectParent,
    )
    parents: dict[int, list[DirectParent]] = {}
    for row in rows:
        parents.setdefault(row.child_id, []).append(row)
    return parents
