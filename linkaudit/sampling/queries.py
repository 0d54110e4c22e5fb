"""Reads of samples: their progress, and the links that are left to sample."""

from collections.abc import Collection
from dataclasses import dataclass

from linkaudit.models import InterimAnalysis, ReviewSample
from linkaudit.queries import list_heuristics
from linkaudit.sampling.outcomes import Outcomes, SampleOutcomes, read_outcomes
from ncfd_site.core import sql

# A heuristic's page shows this many samples.
MAX_SHOWN = 20

PROMOTED = """
SELECT coalesce(array_agg(n.name ORDER BY n.name), '{}') FROM unnest(%s::text[]) n(name)
WHERE EXISTS (SELECT FROM link_audit a WHERE a.heuristic_applied = n.name AND a.promotion_status = 'promoted')
"""
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
        """Return whether the sample measures precision; the other purpose is the check of promoted links."""
        return self.sample.purpose == ReviewSample.Purpose.PRECISION


def list_promoted_heuristics() -> list[str]:
    """Return the names of the heuristics with promoted links, sorted."""
    return list(sql.value(PROMOTED, [list_heuristics()]))


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
