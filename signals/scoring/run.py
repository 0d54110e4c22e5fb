"""A scoring run: one snapshot of what is known, reckoned, and written in one transaction."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

from django.db import transaction

from ncfd_site.config.errors import ExitCode, UserError
from ncfd_site.core import sql
from ncfd_site.core.progress import NullReporter, ProgressReporter, track
from signals.scoring import statements
from signals.scoring.inputs import (
    InputGroup,
    count_excluded_trials,
    load_inputs,
    parse_inputs,
)
from signals.scoring.scorer import Scorer, ScoreResult
from signals.scoring.table import scoring_table

LONGEST_RUN_ID = 50
# One run at a time: two would write the same gates.
LOCK = 7_243_951_061


class InvalidRunError(UserError):
    """What was asked for cannot be a run: no proper id, or a date that is not there yet."""

    exit_code = ExitCode.USAGE


class RunConflictError(UserError):
    """A run of this id exists and says something else."""

    exit_code = ExitCode.FINDINGS


class RunInProgressError(UserError):
    """Another run is at work."""

    exit_code = ExitCode.LOCKED


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run did.

    `unscored` counts trials without a score by phase, "" where the record gives none; `unknown` those of which no
    record had been captured before the day of the run. `is_current` is false where another run came after it, and has
    the gates.
    """

    run_id: str
    trials: int
    written: int
    removed: int
    gates: int
    moment: datetime
    unscored: Mapping[str, int] = field(default_factory=dict)
    unknown: int = 0
    is_current: bool = True


def score(
    run_id: str,
    *,
    as_of: date | None = None,
    replace: bool = False,
    dry_run: bool = False,
    reporter: ProgressReporter | None = None,
) -> RunSummary:
    """Score every trial whose phase has a prior.

    `as_of` uses only what was there before that day (UTC), and leaves the gates alone. A run that exists is left as
    it is where it comes to the same; where not, raises `RunExists` unless `replace`. Raises `WrongRun`, `Busy`, and
    `Misconfigured` where the table of priors and ratios is not what it has to be.
    """
    _require_id(run_id)
    moment = None
    if as_of is not None:
        moment = datetime.combine(as_of, time(), UTC)
        if moment > datetime.now(UTC):
            raise InvalidRunError(f"{as_of} is not there yet: --as-of takes today (UTC) or a day before.")
    return score_trials_at(run_id, moment, as_of=as_of, replace=replace, dry_run=dry_run, reporter=reporter)


def score_trials_at(
    run_id: str,
    moment: datetime | None,
    *,
    as_of: date | None = None,
    with_gates: bool | None = None,
    replace: bool = False,
    dry_run: bool = False,
    reporter: ProgressReporter | None = None,
) -> RunSummary:
    """The same for any moment of the past; None is now. `with_gates` says whether the gates become those of the run."""
    reporter = reporter or NullReporter()
    table = scoring_table()
    with transaction.atomic():
        if not sql.value("SELECT pg_try_advisory_xact_lock(%s)", [LOCK]):
            raise RunInProgressError("Another score_trials is at work on this database: wait until it has ended.")
        is_past = moment is not None
        moment = moment or sql.value("SELECT clock_timestamp()")
        reckoner = Scorer(table, run_id, as_of)
        reporter.begin("Reading trials", None, "")
        counted = load_inputs(table, moment, as_of=is_past)
        unscored: Counter[str] = Counter()
        statements.OUTCOMES.fill(
            _outcome_rows(
                track(counted, reporter, "Scoring", unit="kinds of trial", total=len(counted)), reckoner, unscored
            )
        )
        sql.execute("ANALYZE scoring_outcomes")
        reporter.begin("Writing scores", None, "")
        writes_gates = not is_past if with_gates is None else with_gates
        scores = _write_scores(run_id, moment, replace=replace, writes_gates=writes_gates)
        gates = 0
        if writes_gates and scores.is_current:
            reporter.begin("Writing gates", None, "")
            gates = _write_gates(reckoner, moment)
        trials = sum(one.trials for one in counted) - unscored.total()
        unknown = count_excluded_trials() if is_past else 0
        if dry_run:
            transaction.set_rollback(True)
    return RunSummary(
        run_id,
        trials,
        scores.written,
        scores.removed,
        gates,
        moment,
        unscored=dict(unscored),
        unknown=unknown,
        is_current=scores.is_current,
    )


def _require_id(run_id: str) -> None:
    if not run_id.strip() or run_id != run_id.strip() or len(run_id) > LONGEST_RUN_ID or not run_id.isprintable():
        raise InvalidRunError(f"A run id has 1 to {LONGEST_RUN_ID} printable characters, without blanks around it.")


def _outcome_rows(counted: Iterable[InputGroup], reckoner: Scorer, unscored: Counter[str]) -> Iterator[tuple[Any, ...]]:
    for one in counted:
        outcome = reckoner.outcome(one.signature)
        if outcome is None:
            unscored[parse_inputs(one.signature).phase] += one.trials
        else:
            yield _row(outcome)


def _row(outcome: ScoreResult) -> tuple[Any, ...]:
    found = outcome.posterior
    return (
        outcome.signature,
        found.prior_pi,
        found.logit_prior,
        found.sum_log_lr,
        found.logit_post,
        found.p_fail,
        outcome.metadata,
        outcome.gates,
    )


@dataclass(frozen=True, slots=True)
class _Written:
    """What became of the scores of a run. One that came to the same after another run is not the current one."""

    written: int = 0
    removed: int = 0
    is_current: bool = True


def _write_scores(run_id: str, moment: datetime, *, replace: bool, writes_gates: bool) -> _Written:
    values: dict[str, Any] = {"run": run_id, "moment": moment}
    if not sql.value(statements.HAS_RUN, [run_id]):
        return _Written(written=sql.execute(statements.ADD_SCORES, values))
    different = sql.value(statements.COUNT_DIFFERENT, values)
    if different and not replace:
        raise RunConflictError(
            f"Run {run_id} exists, and {different:,} trials would come out otherwise now: nothing was changed. Take"
            " another --run-id, or --replace to write it anew."
        )
    overtaken = writes_gates and sql.value(statements.IS_OVERTAKEN, values)
    if not different:
        return _Written(is_current=not overtaken)
    if not writes_gates and sql.value(statements.MADE_GATES, [run_id]):
        raise RunConflictError(
            f"Run {run_id} made the gates of today, which a run as of a past day leaves alone: nothing was changed."
            " Take another --run-id."
        )
    # Where another run came in between, all of it is of now: a run that is the current one is so for every trial.
    written = sql.execute(statements.MERGE_SCORES, {**values, "anew": bool(overtaken)})
    return _Written(written, sql.execute(statements.REMOVE_SCORES, values))


def _write_gates(reckoner: Scorer, moment: datetime) -> int:
    statements.KINDS.fill(
        (
            kind.number,
            kind.evaluation.code,
            kind.evaluation.fired,
            list(kind.evaluation.supporting),
            kind.evaluation.ratio,
            kind.evaluation.rationale,
            reckoner.gate_metadata(kind),
        )
        for kind in reckoner.kinds
    )
    sql.execute("ANALYZE scoring_kinds")
    removed = sql.execute(statements.REMOVE_GATES)
    return removed + sql.execute(statements.MERGE_GATES, {"moment": moment})
