"""A scoring run: one snapshot of the inputs; each group of equal inputs is scored once, in one transaction."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Any

from django.db import DatabaseError, transaction

from ncfd_site.config.errors import ExitCode, UserError
from ncfd_site.core import sql
from ncfd_site.core.progress import NullReporter, ProgressReporter, track
from ncfd_site.ingest.batches import dump_json
from signals.formulas import GATES, SIGNALS, GateEvaluation, Posterior, compute_posterior, evaluate_gate
from signals.scoring import statements
from signals.scoring.inputs import (
    GateInputs,
    InputGroup,
    ScoreInputs,
    count_excluded_trials,
    load_inputs,
    parse_inputs,
    select_gate_inputs,
)
from signals.scoring.table import ScoringTable, scoring_table

MAX_RUN_ID_LENGTH = 50
# Advisory lock: concurrent runs would write the same gates.
LOCK = 7_243_951_061


class InvalidRunError(UserError):
    """The run ID or the date is not valid, or there is no such run."""

    exit_code = ExitCode.USAGE


class RunConflictError(UserError):
    """The run exists with different results."""

    exit_code = ExitCode.FINDINGS


class RunInProgressError(UserError):
    """Another run holds the lock."""

    exit_code = ExitCode.LOCKED


@dataclass(frozen=True, slots=True)
class RunSummary:
    """Counts of a run.

    `unscored` counts trials whose phase has no prior, by phase ("" without phase); `excluded` counts trials without a
    record captured before the date of the run. `is_current` is false if a later run owns the gates.
    """

    run_id: str
    trials: int
    written: int
    removed: int
    gates: int
    moment: datetime
    unscored: Mapping[str, int] = field(default_factory=dict)
    excluded: int = 0
    is_current: bool = True


@dataclass(frozen=True, slots=True)
class GateVariant:
    """A gate result that several trials share; `number` identifies it in the run."""

    number: int
    evaluation: GateEvaluation
    inputs: GateInputs


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """The score and gates of all trials with a key; `gates` are the numbers of their gate variants."""

    key: str
    posterior: Posterior
    metadata: str
    gates: list[int]


class Scorer:
    """Computes the results of one run and caches what many keys share; `variants` are its gate results so far."""

    def __init__(self, table: ScoringTable, as_of: date | None) -> None:
        self._table = table
        self._as_of = as_of
        self.variants: dict[GateInputs, GateVariant] = {}
        self._compute_posterior = cache(compute_posterior)

    def score(self, key: str) -> ScoreResult | None:
        """Return the result for a key; None if its phase has no prior."""
        inputs = parse_inputs(key)
        prior = self._table.priors.get(inputs.phase)
        if prior is None:
            return None
        variants = [self._get_or_evaluate_gate(code, inputs) for code in GATES]
        fired = [variant.evaluation for variant in variants if variant.evaluation.fired]
        ratios = tuple(gate.ratio for gate in fired if gate.ratio is not None)
        posterior = self._compute_posterior(prior, ratios, at_least=self._table.floor if inputs.stop_rules else None)
        evaluated = {*inputs.severities, *inputs.late, *inputs.not_fired}
        metadata = {
            "table_version": self._table.version,
            "as_of": None if self._as_of is None else self._as_of.isoformat(),
            "prior": {"phase": inputs.phase, "value": float(posterior.prior_pi)},
            "signals": inputs.severities,
            "late": inputs.late,
            "gates": {
                gate.code: {"lr_used": float(gate.ratio or 0), "supporting_S_ids": gate.supporting} for gate in fired
            },
            "not_fired": inputs.not_fired,
            "not_evaluated": [code for code in SIGNALS if code not in evaluated],
            "stop_rules": [
                {
                    "rule": code,
                    "description": self._table.rules[code].description,
                    "p_fail_at_least": float(self._table.floor),
                }
                for code in inputs.stop_rules
            ],
        }
        return ScoreResult(key, posterior, dump_json(metadata) or "", [variant.number for variant in variants])

    def _get_or_evaluate_gate(self, code: str, inputs: ScoreInputs) -> GateVariant:
        own = select_gate_inputs(code, inputs.severities, inputs.late, inputs.not_fired)
        variant = self.variants.get(own)
        if variant is None:
            evaluation = evaluate_gate(code, own.signals, self._table.ratios, late=own.late, not_fired=own.not_fired)
            variant = self.variants[own] = GateVariant(len(self.variants) + 1, evaluation, own)
        return variant


def score_trials(
    run_id: str,
    *,
    as_of: date | None = None,
    replace: bool = False,
    dry_run: bool = False,
    reporter: ProgressReporter | None = None,
) -> RunSummary:
    """Score every trial whose phase has a prior.

    `as_of` uses only what was known before that day (UTC) and does not change the gates. A repeated run with equal
    results writes nothing; with different results it raises RunConflictError unless `replace`. Raises InvalidRunError,
    RunInProgressError, and ConfigurationError for an invalid scoring table.
    """
    if not run_id.strip() or run_id != run_id.strip() or len(run_id) > MAX_RUN_ID_LENGTH or not run_id.isprintable():
        raise InvalidRunError(
            f"A run ID has 1 to {MAX_RUN_ID_LENGTH} printable characters, without spaces at either end."
        )
    moment = None
    if as_of is not None:
        moment = datetime.combine(as_of, time(), UTC)
        if moment > datetime.now(UTC):
            raise InvalidRunError(f"{as_of} is in the future. Give --as-of today (UTC) or an earlier day.")
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
    """Score as of a past moment (None: now). `with_gates` writes the gates too; default: only for now."""

    def work() -> RunSummary:
        return _score_trials(
            run_id, moment, as_of, with_gates, replace=replace, dry_run=dry_run, reporter=reporter or NullReporter()
        )

    if dry_run:
        return work()
    # Others see the run while it is written, and after a kill.
    with transaction.atomic():
        _acquire_lock()
        sql.execute(statements.START_RUN, {"run": run_id, "version": scoring_table().version})
    try:
        return work()
    except BaseException:
        # Without a connection the run stays `running`, as after a kill.
        with suppress(DatabaseError):
            sql.execute(statements.FAIL_RUN, [run_id])
        raise


def _acquire_lock() -> None:
    if not sql.value("SELECT pg_try_advisory_xact_lock(%s)", [LOCK]):
        raise RunInProgressError("Another score_trials is running on this database. Wait until it has finished.")


def _score_trials(
    run_id: str,
    moment: datetime | None,
    as_of: date | None,
    with_gates: bool | None,
    *,
    replace: bool,
    dry_run: bool,
    reporter: ProgressReporter,
) -> RunSummary:
    table = scoring_table()
    with transaction.atomic():
        _acquire_lock()
        # Sorts and joins of all trials fit.
        sql.execute("SET LOCAL work_mem = '64MB'")
        is_open = bool(sql.value(statements.IS_OPEN, [run_id]))
        if is_open:
            # Index entries are added in one step when the run completes; see sync_score_runs().
            sql.execute("SET LOCAL gin_pending_list_limit = '1GB'")
        is_past = moment is not None
        moment = moment or sql.value("SELECT clock_timestamp()")
        scorer = Scorer(table, as_of)
        reporter.begin("Reading trials", None, "")
        groups = load_inputs(table, moment, as_of=is_past)
        unscored: Counter[str] = Counter()
        tracked = track(groups, reporter, "Scoring", unit="groups of equal trials", total=len(groups))
        statements.RESULTS.fill(_score_groups(tracked, scorer, unscored))
        sql.execute("ANALYZE scoring_results")
        reporter.begin("Writing scores", None, "")
        writes_gates = not is_past if with_gates is None else with_gates
        scores = _write_scores(run_id, moment, replace=replace or is_open, writes_gates=writes_gates)
        gates = 0
        if writes_gates and scores.is_current:
            reporter.begin("Writing gates", None, "")
            gates = _write_gates(run_id, scorer, moment)
        excluded = count_excluded_trials() if is_past else 0
        trials = sum(group.trial_count for group in groups) - unscored.total()
        if is_open or scores.written or scores.removed:
            reporter.begin("Updating current scores", None, "")
            has_gates = writes_gates and scores.is_current
            values = {"run": run_id, "moment": moment, "version": table.version, "trials": trials}
            sql.execute(statements.COMPLETE_RUN, {**values, "has_gates": has_gates})
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
        excluded=excluded,
        is_current=scores.is_current,
    )


def _score_groups(groups: Iterable[InputGroup], scorer: Scorer, unscored: Counter[str]) -> Iterator[tuple[Any, ...]]:
    """Yield the row of each group that can be scored; count the trials of the others in `unscored`, by phase."""
    for group in groups:
        result = scorer.score(group.key)
        if result is None:
            unscored[parse_inputs(group.key).phase] += group.trial_count
            continue
        posterior = result.posterior
        yield (
            result.key,
            posterior.prior_pi,
            posterior.logit_prior,
            posterior.sum_log_lr,
            posterior.logit_post,
            posterior.p_fail,
            result.metadata,
            result.gates,
        )


@dataclass(frozen=True, slots=True)
class GateRun:
    """A run that evaluated the gates."""

    run_id: str
    moment: datetime


def list_gate_runs() -> list[GateRun]:
    """Return the complete runs that evaluated the gates, latest first; the first one owns the current gates."""
    return sql.rows(statements.GATE_RUNS, of=GateRun)


@dataclass(frozen=True, slots=True)
class _Written:
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
            f"Run {run_id} exists with different results for {different:,} trials. Nothing was changed. Give another"
            " --run-id, or overwrite the run with --replace."
        )
    is_overtaken = writes_gates and sql.value(statements.IS_OVERTAKEN, values)
    if not different:
        return _Written(is_current=not is_overtaken)
    if not writes_gates and run_id in [one.run_id for one in list_gate_runs()[:1]]:
        raise RunConflictError(
            f"Run {run_id} owns the current gates, and a run with --as-of cannot replace them. Nothing was changed."
            " Give another --run-id."
        )
    # After a later run, every score gets the new time: the run is then the latest one for each trial.
    written = sql.execute(statements.MERGE_SCORES, {**values, "overwrite": bool(is_overtaken)})
    return _Written(written, sql.execute(statements.REMOVE_SCORES, values))


def _write_gates(run_id: str, scorer: Scorer, moment: datetime) -> int:
    run = {"run_id": run_id, "table_version": scoring_table().version}
    statements.GATE_VARIANTS.fill(
        (
            variant.number,
            variant.evaluation.code,
            variant.evaluation.fired,
            list(variant.evaluation.supporting),
            variant.evaluation.ratio,
            variant.evaluation.rationale,
            dump_json(run | variant.inputs.as_metadata()),
        )
        for variant in scorer.variants.values()
    )
    sql.execute("ANALYZE scoring_gate_variants")
    removed = sql.execute(statements.REMOVE_GATES)
    gate_runs = [one.run_id for one in list_gate_runs()]
    values = {"moment": moment, "run": dump_json({"run_id": run_id}), "gate_runs": gate_runs}
    return removed + sql.execute(statements.MERGE_GATES, values)
