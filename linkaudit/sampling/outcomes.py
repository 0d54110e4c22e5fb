"""Outcomes of the slots of samples, as far as they are sample evidence.

Only the review queue counts: the decisions of a slot, made while its link belonged to the sample's heuristic, and an
adjudication of them. Labels given in bulk, on a link's page, by a loader or by plain SQL have no effect here.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from ncfd_site.core import sql

# Sample sizes at which the evidence is analyzed.
SIZES = (100, 200, 300, 400)

# A slot is resolved by the adjudication after its decisions, else by its decisions once all are recorded and equal.
# A link that was deleted before that counts as wrong.
SLOTS = """
WITH slots AS (
    SELECT s.sample_id, s.position, m.heuristic, min(s.audit_id) AS audit_id,
           bool_or(s.state = 'deleted') AS is_deleted, bool_or(s.state = 'open') AS is_open,
           min(r.review_id) AS first_review, array_agg(DISTINCT r.decision) AS decisions,
           bool_and(r.heuristic IS NOT DISTINCT FROM m.heuristic) AS is_same_heuristic
    FROM review_slots s
    JOIN review_samples m USING (sample_id)
    LEFT JOIN link_reviews r ON r.review_id = s.review_id
    WHERE s.sample_id = ANY (%(samples)s) AND s.position <= %(max_position)s
    GROUP BY s.sample_id, s.position, m.heuristic
), outcomes AS (
    SELECT p.sample_id, p.position, CASE
        WHEN a.decision IS NOT NULL THEN a.decision
        WHEN p.is_deleted THEN 'deleted'
        WHEN p.is_open THEN CASE WHEN p.first_review IS NULL THEN 'open' ELSE 'awaiting_second' END
        WHEN NOT p.is_same_heuristic THEN 'reassigned'
        WHEN p.decisions IN ('{right}', '{wrong}') THEN p.decisions[1]
        WHEN NOT EXISTS (SELECT FROM link_audit l WHERE l.audit_id = p.audit_id) THEN 'deleted'
        ELSE 'disputed' END AS outcome
    FROM slots p
    LEFT JOIN LATERAL (
        SELECT r.decision FROM link_reviews r
        WHERE r.audit_id = p.audit_id AND r.review_id > p.first_review AND r.mode = 'adjudication'
          AND r.decision IN ('right', 'wrong') AND r.heuristic = p.heuristic
          AND NOT EXISTS (SELECT FROM link_reviews t WHERE t.audit_id = r.audit_id AND t.decision = 'undone'
                          AND t.supersedes = r.review_id)
        ORDER BY r.review_id DESC LIMIT 1
    ) a ON true
)
SELECT sample_id, width_bucket(position - 1, %(sizes)s::int[]) AS part, outcome, count(*) AS slots
FROM outcomes GROUP BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class _Part:
    sample_id: int
    part: int
    outcome: str
    slots: int


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Number of slots of a sample, or of its first slots, by outcome.

    `right` and `wrong` are resolved. `deleted`: the link was deleted first; counts as wrong. `open`: no decision yet.
    `awaiting_second`: a second opinion is missing. `disputed`: awaiting adjudication. `reassigned`: the link belonged
    to another heuristic when it was reviewed; never resolved.
    """

    right: int = 0
    wrong: int = 0
    deleted: int = 0
    open: int = 0
    awaiting_second: int = 0
    disputed: int = 0
    reassigned: int = 0

    @property
    def resolved(self) -> int:
        """Number of slots with their final label."""
        return self.right + self.wrong + self.deleted

    @property
    def error_count(self) -> int:
        """Number of resolved slots that count as wrong."""
        return self.wrong + self.deleted

    @property
    def unresolved(self) -> int:
        """Number of slots without a final label."""
        return self.open + self.awaiting_second + self.disputed + self.reassigned


@dataclass(slots=True)
class SampleOutcomes:
    """The outcomes of one sample, by the part between two interim analyses that a slot is in."""

    parts: dict[int, Counter[str]] = field(default_factory=dict)

    @property
    def all(self) -> Outcomes:
        """Outcomes of the whole sample."""
        return Outcomes(**sum(self.parts.values(), Counter()))

    def first(self, size: int) -> Outcomes:
        """Return the outcomes of the first `size` slots; `size` is one of `SIZES`."""
        return Outcomes(**sum((self.parts[part] for part in self.parts if part <= SIZES.index(size)), Counter()))


def read_outcomes(sample_ids: Collection[int], max_position: int = 2**31 - 1) -> dict[int, SampleOutcomes]:
    """Return the outcomes of samples by their ids, of slots up to `max_position`; one query."""
    found = {sample_id: SampleOutcomes() for sample_id in sample_ids}
    values = {"samples": list(sample_ids), "max_position": max_position, "sizes": list(SIZES)}
    for row in sql.rows(SLOTS, values, of=_Part) if found else ():
        found[row.sample_id].parts.setdefault(row.part, Counter())[row.outcome] += row.slots
    return found
