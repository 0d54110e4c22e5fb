"""What follows from a signature: the score with its metadata, and the four gates. Each is reckoned once for a run."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from ncfd_site.ingest.staging import json_text
from signals.formulas import (
    GATES,
    SIGNALS,
    GateEvaluation,
    Posterior,
    evaluate_gate,
    posterior,
)
from signals.scoring.inputs import ScoreInputs, parse_inputs
from signals.scoring.table import ScoringTable
from signals.scoring.values import GateInputs, select_gate_inputs


@dataclass(frozen=True, slots=True)
class GateVariant:
    """One state of one gate that several trials share; `number` is its place among those of the run."""

    number: int
    evaluation: GateEvaluation
    seen: GateInputs


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """What a run says of all trials of a signature; `gates` are numbers of kinds of gates."""

    signature: str
    posterior: Posterior
    metadata: str
    gates: list[int]


class Scorer:
    """Reckons the outcomes of one run."""

    def __init__(self, table: ScoringTable, run_id: str, as_of: date | None) -> None:
        self._table = table
        self._run_id = run_id
        self._as_of = None if as_of is None else as_of.isoformat()
        self._kinds: dict[GateInputs, GateVariant] = {}
        self._posteriors: dict[tuple[Any, ...], Posterior] = {}

    def outcome(self, text: str) -> ScoreResult | None:
        """The outcome of a signature, or None where there is no prior for its phase."""
        seen = parse_inputs(text)
        prior = self._table.priors.get(seen.phase)
        if prior is None:
            return None
        kinds = [self._kind(code, seen) for code in GATES]
        fired = [kind.evaluation for kind in kinds if kind.evaluation.fired]
        found = self._posterior(prior, tuple(one.ratio for one in fired if one.ratio is not None), bool(seen.stops))
        metadata = {
            "table_version": self._table.version,
            "as_of": self._as_of,
            "prior": {"phase": seen.phase, "value": float(found.prior_pi)},
            "signals": seen.counted,
            "late": seen.late,
            "gates": {
                one.code: {"lr_used": float(one.ratio or 0), "supporting_S_ids": one.supporting} for one in fired
            },
            "not_fired": seen.not_fired,
            "not_evaluated": _rest(seen),
            "stop_rules": [self._stop(code) for code in seen.stops],
        }
        return ScoreResult(text, found, json_text(metadata) or "", [kind.number for kind in kinds])

    @property
    def kinds(self) -> list[GateVariant]:
        """Every kind of gate that came up."""
        return list(self._kinds.values())

    def gate_metadata(self, kind: GateVariant) -> str:
        """What the rows of a kind of gate hold as metadata."""
        metadata = {"run_id": self._run_id, "table_version": self._table.version, **kind.seen.told}
        return json_text(metadata) or ""

    def _kind(self, code: str, seen: ScoreInputs) -> GateVariant:
        key = select_gate_inputs(code, seen.counted, seen.late, seen.not_fired)
        kind = self._kinds.get(key)
        if kind is None:
            evaluation = evaluate_gate(code, key.signals, self._table.ratios, late=key.late, not_fired=key.not_fired)
            kind = self._kinds[key] = GateVariant(len(self._kinds) + 1, evaluation, key)
        return kind

    def _posterior(self, prior: Decimal, ratios: tuple[Decimal, ...], stopped: bool) -> Posterior:
        key = (prior, ratios, stopped)
        if key not in self._posteriors:
            self._posteriors[key] = posterior(prior, ratios, at_least=self._table.floor if stopped else None)
        return self._posteriors[key]

    def _stop(self, code: str) -> dict[str, Any]:
        return {"rule": code, "says": self._says[code], "p_fail_at_least": float(self._table.floor)}

    @cached_property
    def _says(self) -> dict[str, str]:
        return {rule.code: rule.says for rule in self._table.stop_rules}


def _rest(seen: ScoreInputs) -> list[str]:
    told = {*seen.counted, *seen.late, *seen.not_fired}
    return [code for code in SIGNALS if code not in told]
