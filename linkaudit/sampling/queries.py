"""Reads of samples: the outcomes of their slots as far as they are sample evidence, and their progress.

Only the review queue counts: the decisions of a slot, made while its link belonged to the sample's heuristic, and an
adjudication of them. Labels given in bulk, on a link's page, by a loader or by plain SQL have no effect here.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from linkaudit.models import InterimAnalysis, ReviewSample
from linkaudit.queries import IS_ACTIVE
from ncfd_site.core import sql

# Sample sizes at which the evidence is analyzed.
SIZES = (100, 200, 300, 400)
# A heuristic's page shows this many samples.
MAX_SHOWN = 20

# A slot is resolved by the adjudication after its decisions, else by its decisions once all are recorded and equal.
# A link that was deleted before that counts as wrong.
SLOTS = f"""
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
        WHEN p.decisions IN ('{{right}}', '{{wrong}}') THEN p.decisions[1]
        WHEN NOT EXISTS (SELECT FROM link_audit l WHERE l.audit_id = p.audit_id) THEN 'deleted'
        ELSE 'disputed' END AS outcome
    FROM slots p
    LEFT JOIN LATERAL (
        SELECT r.decision FROM link_reviews r
        WHERE r.audit_id = p.audit_id AND r.review_id > p.first_review AND r.mode = 'adjudication'
          AND r.decision IN ('right', 'wrong') AND r.heuristic = p.heuristic
          AND {IS_ACTIVE.format("r")}
        ORDER BY r.review_id DESC LIMIT 1
    ) a ON true
)
SELECT sample_id, width_bucket(position - 1, %(sizes)s::int[]) AS part, outcome, count(*) AS slots
FROM outcomes GROUP BY 1, 2, 3
"""  # noqa: S608
# Links that still exist and were in a precision sample. The others can be drawn.
SAMPLED = """
SELECT count(DISTINCT s.audit_id)
FROM review_samples m JOIN review_slots s USING (sample_id)
JOIN link_audit a ON a.audit_id = s.audit_id AND a.heuristic_applied = m.heuristic
WHERE m.heuristic = %s AND m.purpose = 'precision' AND s.opinion = 1
"""
# For sample evidence and for the check of promoted links: the newest samples with a decision, the newest of all, and
# all samples with an interim analysis.
RELEVANT = """
WITH known AS (
    SELECT m.*, EXISTS (SELECT FROM review_slots s WHERE s.sample_id = m.sample_id AND s.state <> 'open') AS is_started
    FROM review_samples m WHERE m.heuristic = ANY (%(heuristics)s)
), ranked AS (
    SELECT k.*, row_number() OVER (PARTITION BY heuristic, purpose, is_started ORDER BY sample_id DESC) AS age,
           row_number() OVER (PARTITION BY heuristic ORDER BY sample_id DESC) AS age_of_all
    FROM known k
)
SELECT coalesce(array_agg(sample_id), '{}') FROM ranked r
WHERE age <= 2 OR age_of_all <= %(shown)s OR EXISTS (SELECT FROM interim_analyses l WHERE l.sample_id = r.sample_id)
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


@dataclass(frozen=True, slots=True)
class SampleProgress:
    """A sample with the outcomes of its slots, and its interim analyses by size."""

    sample: ReviewSample
    by_part: SampleOutcomes
    analyses: dict[int, InterimAnalysis]

    @property
    def outcomes(self) -> Outcomes:
        """Outcomes of all slots."""
        return self.by_part.all

    @property
    def is_precision(self) -> bool:
        """True if the sample measures precision; the other purpose is the check of promoted links."""
        return self.sample.purpose == ReviewSample.Purpose.PRECISION

    @property
    def has_passed(self) -> bool:
        """True if an interim analysis passed."""
        return any(analysis.passed for analysis in self.analyses.values())

    @property
    def is_completed(self) -> bool:
        """True if an analysis passed, or all that the size of the sample allows have run."""
        last_size = max((size for size in SIZES if size <= self.sample.size), default=None)
        return self.has_passed or last_size in self.analyses


def read_outcomes(sample_ids: Collection[int], max_position: int = 2**31 - 1) -> dict[int, SampleOutcomes]:
    """Return the outcomes of the slots up to `max_position` of each sample, by sample ID; one query."""
    found = {sample_id: SampleOutcomes() for sample_id in sample_ids}
    values = {"samples": list(sample_ids), "max_position": max_position, "sizes": list(SIZES)}
    for row in sql.rows(SLOTS, values, of=_Part) if found else ():
        found[row.sample_id].parts.setdefault(row.part, Counter())[row.outcome] += row.slots
    return found


def count_sampled_links(heuristic: str) -> int:
    """Return the number of links of a heuristic that were in a precision sample."""
    return int(sql.value(SAMPLED, [heuristic]))


def read_samples(heuristics: Collection[str], shown: int = 0) -> dict[str, list[SampleProgress]]:
    """Return the samples that conclusions about each heuristic need, and its newest `shown`; newest first."""
    wanted = sql.value(RELEVANT, {"heuristics": list(heuristics), "shown": shown})
    samples = list(ReviewSample.objects.filter(pk__in=wanted).order_by("-sample_id"))
    ids = [sample.pk for sample in samples]
    outcomes = read_outcomes(ids)
    analyses: dict[int, dict[int, InterimAnalysis]] = {sample_id: {} for sample_id in ids}
    for analysis in InterimAnalysis.objects.filter(sample_id__in=ids):
        analyses[analysis.sample_id][analysis.size] = analysis
    found: dict[str, list[SampleProgress]] = {name: [] for name in heuristics}
    for sample in samples:
        found[sample.heuristic].append(SampleProgress(sample, outcomes[sample.pk], analyses[sample.pk]))
    return found
