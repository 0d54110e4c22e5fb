"""Retention of scores, by run, and of evaluations of signals."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from ncfd_site.core import sql
from ncfd_site.retention.policy import Part, Prunable, Rule, register
from signals.scoring.run import list_gate_runs

# Complete runs with scores, newest first, by the time that they finished; of other programs, by that of some scores.
_RUNS = f"""
    SELECT names.run_id, coalesce(r.finished_at, r.moment, few.scored_at) AS finished_at
    FROM (SELECT value AS run_id FROM ({sql.build_distinct_query("scores", "run_id")}) run_ids) names
    LEFT JOIN score_runs r ON r.run_id = names.run_id
    CROSS JOIN LATERAL (
        SELECT max(s.scored_at) AS scored_at
        FROM (SELECT scored_at FROM scores WHERE scores.run_id = names.run_id LIMIT 20) s
    ) few
    WHERE coalesce(r.state, 'complete') = 'complete' ORDER BY 2 DESC, 1 DESC
"""  # noqa: S608 (constants)
# The latest two scores of each trial stay.
_PRUNED_SCORES = """
    t.run_id = %(run)s AND NOT EXISTS (
        SELECT FROM trial_current_scores c WHERE c.trial_id = t.trial_id AND t.run_id IN (c.run_id, c.previous_run_id))
"""
_MARK_RUN = """
    INSERT INTO score_runs AS r (run_id, state, moment, started_at, pruned_at)
    VALUES (%(run)s, 'complete', %(finished_at)s, NULL, now())
    ON CONFLICT (run_id) DO UPDATE SET pruned_at = now() WHERE r.pruned_at IS NULL
"""
_PRUNED_EVALUATIONS = """
    t.evaluated_at < %(before)s AND (
        SELECT count(*) FROM (SELECT FROM signal_evaluations l WHERE l.trial_id = t.trial_id AND l.s_id = t.s_id
                              AND l.evaluated_at > t.evaluated_at LIMIT 2) later) = 2
"""


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run with scores."""

    run_id: str
    finished_at: datetime


def select_pruned_runs(runs: list[FinishedRun], rule: Rule) -> list[FinishedRun]:
    """Return the runs (newest first) that are the last one of none of the days and weeks to keep."""
    pruned = []
    days: set[Hashable] = set()
    weeks: set[Hashable] = set()
    for run in runs:
        kept = False
        periods = (
            (days, run.finished_at.date(), "keep_daily"),
            (weeks, run.finished_at.isocalendar()[:2], "keep_weekly"),
        )
        for seen, period, setting in periods:
            if period not in seen and len(seen) < rule[setting]:
                seen.add(period)
                kept = True
        if not kept:
            pruned.append(run)
    return pruned


def _plan_scores(rule: Rule, now: datetime) -> list[Part]:
    owner = [run.run_id for run in list_gate_runs()[:1]]
    return [
        Part(
            _PRUNED_SCORES,
            {"run": run.run_id},
            partial(sql.execute, _MARK_RUN, {"run": run.run_id, "finished_at": run.finished_at}),
        )
        for run in select_pruned_runs(sql.rows(_RUNS, of=FinishedRun), rule)
        if run.run_id not in owner
    ]


def _plan_evaluations(rule: Rule, now: datetime) -> list[Part]:
    return [Part(_PRUNED_EVALUATIONS, {"before": now - timedelta(days=rule["keep_days"])})]


SCORES = register(
    Prunable(
        name="scores",
        title="scores",
        table="scores",
        key="score_id",
        settings=("keep_daily", "keep_weekly"),
        plan=_plan_scores,
    )
)
EVALUATIONS = register(
    Prunable(
        name="evaluations",
        title="signal evaluations",
        table="signal_evaluations",
        key="evaluation_id",
        settings=("keep_days",),
        plan=_plan_evaluations,
    )
)
