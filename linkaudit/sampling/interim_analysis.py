"""Interim analyses of a sample: exact bounds at sample sizes that are fixed in advance (group-sequential "looks").

A bound that is computed after every decision passes too easily: with a true precision of 0.95 it passes in 15 % of all
samples instead of 5 %. So there are four analyses, each with a quarter of the error.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from django.db import transaction

from linkaudit.intervals import ALPHA, exact_lower_bound
from linkaudit.sampling.queries import SIZES, read_outcomes
from ncfd_site.core import sql

REQUIRED_PRECISION = 0.95
ALPHA_PER_ANALYSIS = ALPHA / len(SIZES)

# The size of the next analysis, unless a slot up to that size still lacks its first opinion. One statement that finds
# such a slot in an index, for any size of sample.
FIND_DUE_SIZE = """
WITH next AS (
    SELECT min(l.size) AS size FROM review_samples m CROSS JOIN unnest(%(sizes)s::int[]) l(size)
    WHERE m.sample_id = %(sample)s AND m.purpose = 'precision' AND l.size <= m.size
      AND l.size > coalesce((SELECT max(k.size) FROM interim_analyses k WHERE k.sample_id = %(sample)s), 0)
)
SELECT size FROM next WHERE NOT EXISTS (
    SELECT FROM review_slots s
    WHERE s.sample_id = %(sample)s AND s.state = 'open' AND s.opinion = 1 AND s.position <= next.size)
"""
# An undo locks its slot, then checks whether an analysis has used the decision.
LOCK_SLOTS = "SELECT 1 FROM review_slots WHERE sample_id = %s AND position <= %s ORDER BY slot_id FOR SHARE"
RECORD = """
INSERT INTO interim_analyses (sample_id, size, error_count, alpha, lower_bound, passed, analyzed_at)
VALUES (%s, %s, %s, %s, %s, %s, coalesce(%s, now())) ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Analysis:
    """An analysis of the first `size` slots: their errors, the exact lower bound, and whether it is high enough."""

    size: int
    error_count: int
    lower_bound: float
    passed: bool


def analyze(size: int, error_count: int) -> Analysis:
    """Return the lower bound of the precision of `size` slots, of which `error_count` are wrong or deleted, and whether
    it reaches the required precision.
    """
    bound = exact_lower_bound(size - error_count, size, ALPHA_PER_ANALYSIS) or 0.0
    return Analysis(size, error_count, bound, bound >= REQUIRED_PRECISION)


@lru_cache
def find_max_errors(size: int) -> int:
    """Return the most errors with which an analysis of that size passes; -1 if it never passes."""
    return max((errors for errors in range(size + 1) if analyze(size, errors).passed), default=-1)


def run_due_analyses(sample_id: int, *, at: datetime | None = None) -> list[Analysis]:
    """Run and record the analyses of a sample that are due, and return those that this call recorded.

    Call it after each queue decision and each adjudication, once that is committed: inside its transaction, concurrent
    decisions are invisible. An analysis never runs twice, even if decisions change later. If none is due, this is one
    statement. `at` is the recorded time, by default now.
    """
    recorded: list[Analysis] = []
    while (size := sql.value(FIND_DUE_SIZE, {"sizes": list(SIZES), "sample": sample_id})) is not None:
        found = _record_analysis(sample_id, size, at)
        if found is None:
            break
        recorded += found
    return recorded


@transaction.atomic
def _record_analysis(sample_id: int, size: int, at: datetime | None) -> list[Analysis] | None:
    """Record and return an analysis: [] if another process recorded it first, None if a slot is not resolved."""
    sql.execute(LOCK_SLOTS, [sample_id, size])
    # A separate statement, which sees what was committed while the slots were being locked.
    outcomes = read_outcomes([sample_id], size)[sample_id].first(size)
    if outcomes.resolved < size:
        return None
    found = analyze(size, outcomes.error_count)
    values = [sample_id, size, found.error_count, ALPHA_PER_ANALYSIS, round(found.lower_bound, 6), found.passed, at]
    return [found] if sql.execute(RECORD, values) else []
