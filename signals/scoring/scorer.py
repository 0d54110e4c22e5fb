"""Scores and gates of each group of equal inputs."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from ncfd_site.ingest.batches import dump_json
from signals.formulas import GATES, SIGNALS, GateEvaluation, Posterior, compute_posterior, evaluate_gate
from signals.scoring.inputs import GateInputs, ScoreInputs, parse_inputs, select_gate_inputs
from signals.scoring.table import ScoringTable


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
    """Computes the results of one run and caches what many keys share."""

    def __init__(self, table: ScoringTable, run_id: str, as_of: date | None) -> None:
        self._table = table
        self._run_id = run_id
        self._as_of = None if as_of is None else as_of.isoformat()
        self._variants: dict[GateInputs, GateVariant] = {}
        self._posteriors: dict[tuple[Any, ...], Posterior] = {}

    def score(self, key: str) -> ScoreResult | None:
        """Return the result for a key; None if its phase has no prior."""
        inputs = parse_inputs(key)
        prior = self._table.priors.get(inputs.phase)
        if prior is None:
            return None
        variants = [self._evaluate(code, inputs) for code in GATES]
        fired = [variant.evaluation for variant in variants if variant.evaluation.fired]
        ratios = tuple(gate.ratio for gate in fired if gate.ratio is not None)
        posterior = self._compute(prior, ratios, is_stopped=bool(inputs.stop_rules))
        evaluated = {*inputs.severities, *inputs.late, *inputs.not_fired}
        metadata = {
            "table_version": self._table.version,
            "as_of": self._as_of,
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

    @property
    def gate_variants(self) -> list[GateVariant]:
        """All gate variants of the run so far."""
        return list(self._variants.values())

    def gate_metadata(self, variant: GateVariant) -> str:
        """Return the metadata of the rows of a gate variant."""
        run = {"run_id": self._run_id, "table_version": self._table.version}
        return dump_json({**run, **variant.inputs.as_metadata()}) or ""

    def _evaluate(self, code: str, inputs: ScoreInputs) -> GateVariant:
        own = select_gate_inputs(code, inputs.severities, inputs.late, inputs.not_fired)
        variant = self._variants.get(own)
        if variant is None:
            evaluation = evaluate_gate(code, own.signals, self._table.ratios, late=own.late, not_fired=own.not_fired)
            variant = self._variants[own] = GateVariant(len(self._variants) + 1, evaluation, own)
        return variant

    def _compute(self, prior: Decimal, ratios: tuple[Decimal, ...], *, is_stopped: bool) -> Posterior:
        key = (prior, ratios, is_stopped)
        if key not in self._posteriors:
            floor = self._table.floor if is_stopped else None
            self._posteriors[key] = compute_posterior(prior, ratios, at_least=floor)
        return self._posteriors[key]
