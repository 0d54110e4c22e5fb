"""What became of the places of samples, as far as it is evidence.

Only what the queue asked for counts: the decisions of a place itself, given while its link belonged to the sample's
heuristic, and an adjudication of those. Labels given in bulk, on a page, by a load or by plain SQL move nothing here.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from linkaudit.evidence import LOOKS
from ncfd_site.core import sql

# A slot is resolved by the adjudication after its decisions, else by its decisions once all are recorded and equal.
# A link that was deleted before that counts as wrong.
PLACES = """
WITH places AS (
    SELECT s.sample_id, s.position, m.heuristic, min(s.audit_id) AS audit_id,
           bool_or(s.state = 'deleted') AS is_deleted, bool_or(s.state = 'open') AS is_open,
           min(r.review_id) AS first_review, array_agg(DISTINCT r.decision) AS decisions,
           bool_and(r.heuristic IS NOT DISTINCT FROM m.heuristic) AS is_same
    FROM review_slots s
    JOIN review_samples m USING (sample_id)
    LEFT JOIN link_reviews r ON r.review_id = s.review_id
    WHERE s.sample_id = ANY (%(samples)s) AND s.position <= %(upto)s
    GROUP BY s.sample_id, s.position, m.heuristic
), settled AS (
    SELECT p.sample_id, p.position, CASE
        WHEN a.decision IS NOT NULL THEN a.decision
        WHEN p.is_deleted THEN 'deleted'
        WHEN p.is_open THEN CASE WHEN p.first_review IS NULL THEN 'open' ELSE 'waiting' END
        WHEN NOT p.is_same THEN 'moved'
        WHEN p.decisions IN ('{right}', '{wrong}') THEN p.decisions[1]
        WHEN NOT EXISTS (SELECT FROM link_audit l WHERE l.audit_id = p.audit_id) THEN 'deleted'
        ELSE 'disputed' END AS outcome
    FROM places p
    LEFT JOIN LATERAL (
        SELECT r.decision FROM link_reviews r
        WHERE r.audit_id = p.audit_id AND r.review_id > p.first_review AND r.mode = 'adjudication'
          AND r.decision IN ('right', 'wrong') AND r.heuristic = p.heuristic
          AND NOT EXISTS (SELECT FROM link_reviews t WHERE t.audit_id = r.audit_id AND t.decision = 'undone'
                          AND t.supersedes = r.review_id)
        ORDER BY r.review_id DESC LIMIT 1
    ) a ON true
)
SELECT sample_id, width_bucket(position - 1, %(looks)s::int[]) AS part, outcome, count(*) AS places
FROM settled GROUP BY 1, 2, 3
"""
SETTLED = frozenset({"right", "wrong", "deleted"})


@dataclass(frozen=True, slots=True)
class _Part:
    sample_id: int
    part: int
    outcome: str
    places: int


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How many places of a sample, or of its first so many, came out how.

    `right` and `wrong`: resolved by reviewers. `deleted`: the link was deleted first; counted as wrong. `open`: no
    decision yet. `waiting`: a second opinion is to come. `disputed`: people differ, or one is unsure. `moved`: the link
    belonged to another heuristic when the decision came; never settled.
    """

    right: int = 0
    wrong: int = 0
    deleted: int = 0
    open: int = 0
    waiting: int = 0
    disputed: int = 0
    moved: int = 0

    @property
    def resolved(self) -> int:
        """How many places are settled."""
        return self.right + self.wrong + self.deleted

    @property
    def mistakes(self) -> int:
        """How many of them count as wrong."""
        return self.wrong + self.deleted

    @property
    def places(self) -> int:
        """How many places there are."""
        return self.resolved + self.unresolved

    @property
    def unresolved(self) -> int:
        """How many places are not settled yet."""
        return self.open + self.waiting + self.disputed + self.moved


@dataclass(slots=True)
class SampleOutcomes:
    """The outcomes of one sample, in the parts between its looks."""

    parts: dict[int, Counter[str]] = field(default_factory=dict)

    @property
    def all(self) -> Outcomes:
        """Those of the whole sample."""
        return _sum(self.parts.values())

    def first(self, size: int) -> Outcomes:
        """Those of the first `size` places, which is the size of a look."""
        return _sum(self.parts[part] for part in self.parts if part <= LOOKS.index(size))


def outcomes_of(sample_ids: Collection[int], upto: int = 2**31 - 1) -> dict[int, SampleOutcomes]:
    """Return the outcomes of samples by their numbers, of the places up to position `upto`; one query."""
    found = {sample_id: SampleOutcomes() for sample_id in sample_ids}
    given = {"samples": list(sample_ids), "upto": upto, "looks": list(LOOKS)}
    for row in sql.rows(PLACES, given, of=_Part) if found else ():
        found[row.sample_id].parts.setdefault(row.part, Counter())[row.outcome] += row.places
    return found


def _sum(parts: Iterable[Counter[str]]) -> Outcomes:
    return Outcomes(**sum(parts, Counter()))
