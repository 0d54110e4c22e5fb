"""Standings and scores of trials as items, all of a page at once."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from signals.models import Score
from signals.trials.marks import Marks, marks_of, recorded_marks
from signals.trials.metadata import read_metadata
from signals.trials.runs import Run, run_before
from signals.trials.tickers import tickers_of

NOTHING = Marks()


def drawn(rows: Sequence[Any], runs: list[Run]) -> list[dict[str, Any]]:
    """Return an item for each standing, or for each score of one run, with its trial and sponsor at hand.

    Scores come with their metadata unread.

    `runs` are the latest ones, to find the run before that of scores; standings know it.
    """
    tickers = tickers_of({row.trial.sponsor_company_id for row in rows} - {None})
    scores = [row for row in rows if isinstance(row, Score)]
    if scores:
        marks = {score.trial_id: recorded_marks(score.metadata) for score in read_metadata(scores)}
        before = _before(scores, runs)
    else:
        marks = marks_of([row.trial_id for row in rows], [row.score_id for row in rows if row.score_id])
        before = {row.trial_id: (row.previous_run_id, row.change) for row in rows}
    return [
        {
            **trial_fields(row.trial),
            "tickers": [one.ticker for one in tickers.get(row.trial.sponsor_company_id or 0, [])],
            "run_id": row.run_id,
            "scored_at": row.scored_at,
            "p_fail": row.p_fail,
            "change": before.get(row.trial_id, (None, None))[1],
            "previous_run_id": before.get(row.trial_id, (None, None))[0],
            "gates": [gate.code for gate in marks.get(row.trial_id, NOTHING).gates],
            "signals": [
                {"code": signal.code, "severity": signal.severity or None}
                for signal in marks.get(row.trial_id, NOTHING).signals
            ],
        }
        for row in rows
    ]


def trial_fields(trial: Any) -> dict[str, Any]:
    """Return what an item tells of a trial itself."""
    company = trial.sponsor_company
    return {
        "nct_id": trial.nct_id,
        "sponsor": trial.sponsor_text,
        "company": company.name if company else None,
        "cik": company.cik if company else None,
        "phase": trial.phase,
        "is_pivotal": trial.is_pivotal,
        "status": trial.status,
        "indication": trial.indication,
        "next_readout": trial.est_primary_completion_date,
    }


def _before(scores: Sequence[Score], runs: list[Run]) -> dict[int, tuple[str, Decimal]]:
    earlier = run_before(scores[0].run_id, runs)
    if earlier is None:
        return {}
    of_earlier = Score.objects.filter(run_id=earlier.run_id, trial_id__in=[score.trial_id for score in scores])
    then = dict(of_earlier.values_list("trial_id", "p_fail"))
    return {
        score.trial_id: (earlier.run_id, score.p_fail - then[score.trial_id])
        for score in scores
        if score.trial_id in then
    }
