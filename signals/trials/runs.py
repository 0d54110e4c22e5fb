"""Scoring runs, latest first."""

from dataclasses import dataclass
from datetime import datetime

from ncfd_site.core import sql
from signals.models import IS_IN_COMPLETE_RUN, Score

# Runs that a page offers, and scores of each that are read for its time.
OFFERED = 50
LOOKED_AT = 20

# From one name to the next through the index, and for each the moments of a few scores: one run has, but for a
# pipeline that takes its time, one moment. The newest score of all is looked up, so that the latest run is exact.
_RUNS = f"""
    WITH names AS (
        SELECT value AS run_id FROM ({sql.build_distinct_query("scores", "run_id")}) run_ids
        WHERE value NOT IN (SELECT run_id FROM score_runs WHERE state <> 'complete' OR pruned_at IS NOT NULL)
    ), newest AS (
        SELECT run_id, scored_at, score_id FROM scores WHERE {IS_IN_COMPLETE_RUN} ORDER BY scored_at DESC LIMIT 1
    )
    SELECT names.run_id, greatest(sampled.scored_at, newest.scored_at) AS scored_at
    FROM names
    CROSS JOIN LATERAL (
        SELECT max(scored_at) AS scored_at, max(score_id) AS score_id FROM (
            SELECT scored_at, score_id FROM scores WHERE scores.run_id = names.run_id
            ORDER BY p_fail DESC, trial_id LIMIT %(looked_at)s
        ) few
    ) sampled
    LEFT JOIN newest ON newest.run_id = names.run_id
    ORDER BY 2 DESC, sampled.score_id DESC
    LIMIT %(offered)s
"""  # noqa: S608 (constants of this module)


@dataclass(frozen=True, slots=True)
class Run:
    """A run and the time of its scores."""

    run_id: str
    scored_at: datetime


def list_latest_runs() -> list[Run]:
    """Return the latest runs, newest first, without reading the scores."""
    return sql.rows(_RUNS, {"looked_at": LOOKED_AT, "offered": OFFERED}, of=Run)


def run_exists(run_id: str, runs: list[Run]) -> bool:
    """Return whether a run exists; `runs` are the latest ones, which need no query."""
    return any(run.run_id == run_id for run in runs) or Score.objects.filter(run_id=run_id).exists()


def find_previous_run(run_id: str, runs: list[Run]) -> Run | None:
    """Return the run before `run_id` in `runs` (newest first); None for the oldest or an unlisted run."""
    names = [run.run_id for run in runs]
    at = names.index(run_id) + 1 if run_id in names else len(runs)
    return runs[at] if at < len(runs) else None
