"""Looks at the evidence of a sample, each taken once, when every place up to its size is settled."""

from datetime import datetime

from django.db import transaction

from linkaudit.evidence import ALPHA_OF_A_LOOK, LOOKS, Look, look
from linkaudit.sampling.outcomes import outcomes_of
from ncfd_site.core import sql

# The size of the next look, unless a place before it still waits for a first opinion: then none is due. One statement
# that finds such a place in an index, whatever the size of the sample.
DUE = """
WITH next AS (
    SELECT min(l.size) AS size FROM review_samples m CROSS JOIN unnest(%(looks)s::int[]) l(size)
    WHERE m.sample_id = %(sample)s AND m.purpose = 'precision' AND l.size <= m.size
      AND l.size > coalesce((SELECT max(k.size) FROM interim_analyses k WHERE k.sample_id = %(sample)s), 0)
)
SELECT size FROM next WHERE NOT EXISTS (
    SELECT FROM review_slots s
    WHERE s.sample_id = %(sample)s AND s.state = 'open' AND s.opinion = 1 AND s.position <= next.size)
"""
# Whoever takes a decision back locks its place, and then asks whether a look has used it.
HOLD = "SELECT 1 FROM review_slots WHERE sample_id = %s AND position <= %s ORDER BY slot_id FOR SHARE"
RECORD = """
INSERT INTO interim_analyses (sample_id, size, error_count, alpha, lower_bound, passed, analyzed_at)
VALUES (%s, %s, %s, %s, %s, %s, coalesce(%s, now())) ON CONFLICT DO NOTHING
"""


def look_at(sample_id: int, *, at: datetime | None = None) -> list[Look]:
    """Take the looks of a sample that are due, record them, and return those that this call recorded.

    Called after each decision of the queue and each adjudication, once it is committed: a look that is taken in the
    transaction of the decision does not see another one that is being given, and comes with the next. A look is never
    taken again, whatever is said later. Where none is due this is one statement. `at` is when it was taken, now unless
    it is told of afterwards.
    """
    taken = []
    while (size := sql.value(DUE, {"looks": list(LOOKS), "sample": sample_id})) is not None:
        found = _take(sample_id, size, at)
        if found is None:
            break
        taken += found
    return taken


@transaction.atomic
def _take(sample_id: int, size: int, at: datetime | None) -> list[Look] | None:
    """The look, none where somebody else was quicker; None where a place is not settled."""
    sql.execute(HOLD, [sample_id, size])
    # A statement of its own, so that it sees what was committed while the places were being locked.
    outcomes = outcomes_of([sample_id], size)[sample_id].first(size)
    if outcomes.resolved < size:
        return None
    seen = look(size, outcomes.mistakes)
    values = [sample_id, size, seen.wrong, ALPHA_OF_A_LOOK, round(seen.lower_bound, 6), seen.passed, at]
    return [seen] if sql.execute(RECORD, values) else []
