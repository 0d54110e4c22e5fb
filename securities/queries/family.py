"""Who stands over a company and who stands under it, as the relationships have it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from ncfd_site.core import sql

# A tree on a page: deeper or wider than this nobody reads it. The answer says when it was cut.
DEEPEST = 6
MOST = 200


@dataclass(frozen=True, slots=True)
class Relative:
    """A company above or below another one. `steps` are between them, 1 for the next; `open` relationships hold still.

    `closes` tells that the company stands on the way already: a ring, which is not followed further.
    """

    company_id: int
    cik: int
    name: str
    steps: int
    rel_type: str
    start_date: date | None
    end_date: date | None
    closes: bool

    @property
    def is_open(self) -> bool:
        """Whether the relationship holds still."""
        return self.end_date is None


@dataclass(frozen=True, slots=True)
class Family:
    """All that stands above a company and below it, in the order of a tree: each one after who is nearer.

    `canonical_id` is the company at the top of the open relationships, as `v_company_canonical` says.
    """

    above: list[Relative]
    below: list[Relative]
    canonical_id: int

    @property
    def subsidiaries(self) -> list[int]:
        """The companies below by relationships that hold still, each once."""
        return list(dict.fromkeys(one.company_id for one in self.below if one.is_open and not one.closes))

    @property
    def has_ring(self) -> bool:
        """Whether some company stands over itself."""
        return any(one.closes for one in [*self.above, *self.below])

    @property
    def is_cut(self) -> bool:
        """Whether there may be more than is given here."""
        return any(len(side) == MOST or any(one.steps == DEEPEST for one in side) for side in (self.above, self.below))


# Only open relationships are followed; what ended is told, with nothing behind it. The walk goes no further than it is
# read, so that companies that all own each other cost no more.
_WALK = """
    WITH RECURSIVE walk AS (
        SELECT r.{to} AS company_id, 1 AS steps, r.rel_type, r.start_date, r.end_date,
               ARRAY[r.{of}, r.{to}] AS path, r.{to} = r.{of} AS closes
        FROM company_relationships r WHERE r.{of} = %(company)s
        UNION ALL
        SELECT r.{to}, w.steps + 1, r.rel_type, r.start_date, r.end_date, w.path || r.{to}, r.{to} = ANY (w.path)
        FROM walk w JOIN company_relationships r ON r.{of} = w.company_id
        WHERE NOT w.closes AND w.end_date IS NULL AND w.steps < %(deepest)s
    )
    SELECT w.company_id, c.cik, c.name, w.steps, w.rel_type, w.start_date, w.end_date, w.closes, w.path
    FROM (SELECT * FROM walk LIMIT %(most)s) w JOIN companies c ON c.company_id = w.company_id
"""
# A company that nobody stands above is its own top, so the view, which walks all companies, is left alone.
_FAMILY = f"""
    SELECT walked.*, CASE WHEN is_above THEN (
        SELECT canonical_id FROM v_company_canonical WHERE company_id = %(company)s
    ) END AS canonical_id
    FROM (SELECT true AS is_above, above.* FROM ({_WALK.format(of="child_company_id", to="parent_company_id")}) above
          UNION ALL
          SELECT false, below.* FROM ({_WALK.format(of="parent_company_id", to="child_company_id")}) below) walked
    ORDER BY path, end_date DESC NULLS FIRST, rel_type
"""  # noqa: S608 (texts of this module)


@dataclass(frozen=True, slots=True)
class _Walked:
    is_above: bool
    company_id: int
    cik: int
    name: str
    steps: int
    rel_type: str
    start_date: date | None
    end_date: date | None
    closes: bool
    path: list[int]
    canonical_id: int | None

    @property
    def relative(self) -> Relative:
        return Relative(
            self.company_id, self.cik, self.name, self.steps, self.rel_type, self.start_date, self.end_date, self.closes
        )


@dataclass(frozen=True, slots=True)
class Parent:
    """A company that stands directly over another one now."""

    child_id: int
    cik: int
    name: str


def family_of(company_id: int) -> Family:
    """Return who stands above and below a company; a ring of companies ends where it closes."""
    found = sql.rows(_FAMILY, {"company": company_id, "deepest": DEEPEST, "most": MOST}, of=_Walked)
    return Family(
        above=[one.relative for one in found if one.is_above],
        below=[one.relative for one in found if not one.is_above],
        canonical_id=next((one.canonical_id for one in found if one.canonical_id is not None), company_id),
    )


def parents_of(company_ids: Collection[int]) -> dict[int, list[Parent]]:
    """Return who stands directly over each of these companies now, by company and in the order of their names."""
    found = sql.rows(
        """
        SELECT r.child_company_id AS child_id, c.cik, c.name
        FROM company_relationships r JOIN companies c ON c.company_id = r.parent_company_id
        WHERE r.child_company_id = ANY (%s) AND r.end_date IS NULL AND r.parent_company_id <> r.child_company_id
        GROUP BY r.child_company_id, c.company_id ORDER BY c.name_norm, c.company_id
        """,
        [list(company_ids)],
        of=Parent,
    )
    parents: dict[int, list[Parent]] = {}
    for one in found:
        parents.setdefault(one.child_id, []).append(one)
    return parents
