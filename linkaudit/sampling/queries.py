"""Reads of samples: what there is to draw from, and how far each sample is."""

from collections.abc import Collection
from dataclasses import dataclass

from linkaudit.models import InterimAnalysis, ReviewSample
from linkaudit.queries import heuristic_names
from linkaudit.sampling.options import Purpose
from linkaudit.sampling.outcomes import Outcomes, SampleOutcomes, outcomes_of
from ncfd_site.core import sql

# Samples of a heuristic that its page shows, newest first.
SHOWN = 20

PROMOTED = """
SELECT n.name FROM unnest(%s::text[]) n(name)
WHERE EXISTS (SELECT FROM link_audit a WHERE a.heuristic_applied = n.name AND a.promotion_status = 'promoted')
ORDER BY n.name
"""
# Links that a sample for precision has had, and that are there still. To draw from are the others.
SAMPLED = """
SELECT count(DISTINCT s.audit_id)
FROM review_samples m JOIN review_slots s USING (sample_id)
JOIN link_audit a ON a.audit_id = s.audit_id AND a.heuristic_applied = m.heuristic
WHERE m.heuristic = %s AND m.purpose = 'precision' AND s.opinion = 1
"""
# What the evidence of heuristics and the watch over their promoted links rest on: the newest samples about which
# somebody has said something, the newest of all, and those whose looks have decided something.
TELLING = """
WITH known AS (
    SELECT m.*, EXISTS (SELECT FROM review_slots s WHERE s.sample_id = m.sample_id AND s.state <> 'open') AS is_begun
    FROM review_samples m WHERE m.heuristic = ANY (%(heuristics)s)
), ranked AS (
    SELECT k.*, row_number() OVER (PARTITION BY heuristic, purpose, is_begun ORDER BY sample_id DESC) AS age,
           row_number() OVER (PARTITION BY heuristic ORDER BY sample_id DESC) AS age_of_all
    FROM known k
)
SELECT sample_id FROM ranked r
WHERE age <= 2 OR age_of_all <= %(shown)s OR EXISTS (SELECT FROM interim_analyses l WHERE l.sample_id = r.sample_id)
"""


@dataclass(frozen=True, slots=True)
class SampleProgress:
    """A sample, what became of its places, and the looks that were taken at it, by their sizes."""

    sample: ReviewSample
    places: SampleOutcomes
    looks: dict[int, InterimAnalysis]

    @property
    def outcomes(self) -> Outcomes:
        """What became of all of its places."""
        return self.places.all

    @property
    def is_precision(self) -> bool:
        """Whether it was drawn to know the precision, and not to look after promoted links."""
        return self.sample.purpose == Purpose.PRECISION


@dataclass(frozen=True, slots=True)
class _Name:
    name: str


@dataclass(frozen=True, slots=True)
class _Number:
    sample_id: int


def promoted_heuristics() -> list[str]:
    """Return the names of the heuristics that have promoted links, sorted."""
    return [row.name for row in sql.rows(PROMOTED, [heuristic_names()], of=_Name)]


def sampled_links(heuristic: str) -> int:
    """Return how many of its links a sample for precision has had."""
    return int(sql.value(SAMPLED, [heuristic]))


def samples_of(heuristic: str) -> list[SampleProgress]:
    """Return the samples of a heuristic that its page shows, with their progress, the newest first; four queries."""
    return telling_samples([heuristic], SHOWN)[heuristic]


def telling_samples(heuristics: Collection[str], shown: int = 0) -> dict[str, list[SampleProgress]]:
    """Return the samples that tell where each heuristic stands, and its newest `shown`, the newest first."""
    wanted = sql.rows(TELLING, {"heuristics": list(heuristics), "shown": shown}, of=_Number)
    samples = ReviewSample.objects.filter(pk__in=[row.sample_id for row in wanted]).order_by("-sample_id")
    found: dict[str, list[SampleProgress]] = {name: [] for name in heuristics}
    for progress in _progress(list(samples)):
        found[progress.sample.heuristic].append(progress)
    return found


def _progress(samples: list[ReviewSample]) -> list[SampleProgress]:
    numbers = [sample.pk for sample in samples]
    places = outcomes_of(numbers)
    looks: dict[int, dict[int, InterimAnalysis]] = {number: {} for number in numbers}
    for look in InterimAnalysis.objects.filter(sample_id__in=numbers):
        looks[look.sample_id][look.size] = look
    return [SampleProgress(sample, places[sample.pk], looks[sample.pk]) for sample in samples]
