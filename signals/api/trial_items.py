"""Items of trials from current scores, or from the scores of one run."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from signals.models import Score
from signals.trials.marks import Marks, marks_of, recorded_marks
from signals.trials.queries import tickers_of
from signals.trials.run_record import read_metadata
from signals.trials.runs import Run, run_before


def build_trial_items(rows: Sequence[Any], runs: list[Run]) -> list[dict[str, Any]]:
    """Return an item for each current score, or for each score of one run (metadata deferred).

    `rows` have their trials and sponsors loaded; `runs` are the latest runs, used for the previous run of scores.
    """
    tickers = tickers_of({row.trial.sponsor_company_id for row in rows} - {None})
    scores = [row for row in rows if isinstance(row, Score)]
    if scores:
        marks = {score.trial_id: recorded_marks(score.metadata) for score in read_metadata(scores)}
        changes = _changes_since_previous_run(scores, runs)
    else:
        marks = marks_of([row.trial_id for row in rows], [row.score_id for row in rows if row.score_id])
        changes = {row.trial_id: (row.previous_run_id, row.change) for row in rows}
    items = []
    for row in rows:
        previous_run, change = changes.get(row.trial_id, (None, None))
        fired = marks.get(row.trial_id, Marks())
        items.append(
            {
                **trial_fields(row.trial),
                "tickers": [one.ticker for one in tickers.get(row.trial.sponsor_company_id or 0, [])],
                "run_id": row.run_id,
                "scored_at": row.scored_at,
                "p_fail": row.p_fail,
                "change": change,
                "previous_run_id": previous_run,
                "gates": [gate.code for gate in fired.gates],
                "signals": [{"code": signal.code, "severity": signal.severity or None} for signal in fired.signals],
            }
        )
    return items


def trial_fields(trial: Any) -> dict[str, Any]:
    """Return the fields of an item that come from the trial itself."""
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


def _changes_since_previous_run(scores: Sequence[Score], runs: list[Run]) -> dict[int, tuple[str, Decimal]]:
    previous = run_before(scores[0].run_id, runs)
    if previous is None:
        return {}
    earlier = Score.objects.filter(run_id=previous.run_id, trial_id__in=[score.trial_id for score in scores])
    p_fail = dict(earlier.values_list("trial_id", "p_fail"))
    return {
        score.trial_id: (previous.run_id, score.p_fail - p_fail[score.trial_id])
        for score in scores
        if score.trial_id in p_fail
    }
