"""The badges of a trial in lists: fired gates and signals."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from ncfd_site.core import sql
from signals.models import Gate, Score, Signal
from signals.queries import read_recorded_ratios
from signals.trials.run_record import RunRecord, StopRule, read_json, read_run_record

_NAMES = dict([*Gate.Code.choices, *Signal.Code.choices])
LAST_DIGITS = Decimal("0.0001")
# For `scores`; `is_prior_only` is the same for a loaded score.
IS_PRIOR_ONLY = f"sum_log_lr = 0 AND abs(p_fail - prior_pi) < {LAST_DIGITS}"
_WORST_FIRST = {code: place for place, code in enumerate(Signal.Severity.values)}

_MARKS = f"""
    SELECT trial_id, "G_id" AS gate, NULL AS signal, NULL AS severity, NULL AS metadata, false AS is_prior_only
    FROM gates WHERE trial_id = ANY(%(ids)s) AND fired_bool
    UNION ALL
    SELECT trial_id, NULL, "S_id", severity, NULL, false FROM signals WHERE trial_id = ANY(%(ids)s)
    UNION ALL
    SELECT trial_id, NULL, NULL, NULL, metadata::text, {IS_PRIOR_ONLY}
    FROM scores WHERE score_id = ANY(%(scores)s)
"""  # noqa: S608 (a constant of this module)


@dataclass(frozen=True, slots=True)
class Mark:
    """A gate, or a signal with its severity."""

    code: str
    severity: str = ""

    @property
    def name(self) -> str:
        """The full name: "G1 Alpha-Meltdown"."""
        return _NAMES.get(self.code, self.code)


@dataclass(frozen=True, slots=True)
class Marks:
    """The gates that fired for a trial, by code, and its signals, the worst first.

    `late` are signals that fired after the feature freeze and did not count. `is_evaluated` is False when the run
    could not evaluate any signal. `is_prior_only` is True if the score is that of the phase alone.
    """

    gates: list[Mark] = field(default_factory=list)
    signals: list[Mark] = field(default_factory=list)
    late: list[Mark] = field(default_factory=list)
    is_evaluated: bool = True
    is_prior_only: bool = False
    stop_rules: tuple[StopRule, ...] = ()


@dataclass(frozen=True, slots=True)
class _Row:
    trial_id: int
    gate: str | None
    signal: str | None
    severity: str | None
    metadata: str | None
    is_prior_only: bool


def load_marks(trial_ids: Collection[int], score_ids: Collection[int] = ()) -> dict[int, Marks]:
    """Return the current badges of trials by trial ID, in one statement.

    `score_ids` are the current scores of the trials, which record late signals and evaluation.
    """
    found: dict[int, list[_Row]] = {}
    given = {"ids": list(trial_ids), "scores": list(score_ids)}
    for row in sql.rows(_MARKS, given, of=_Row) if trial_ids else ():
        found.setdefault(row.trial_id, []).append(row)
    return {trial_id: _build_current_marks(rows) for trial_id, rows in found.items()}


def is_prior_only(score: Score) -> bool:
    """Return whether no gate and no stop rule changed the prior; the last digits are rounded."""
    return not score.sum_log_lr and abs(score.p_fail - score.prior_pi) < LAST_DIGITS


def read_recorded_marks(score: Score) -> Marks:
    """Return the badges in the metadata of a score."""
    metadata = score.metadata
    record = read_run_record(metadata)
    counted = metadata.get("signals") if isinstance(metadata, Mapping) else None
    signals = counted.items() if isinstance(counted, Mapping) else ()
    return _sort_marks(
        [Mark(code) for code in read_recorded_ratios(metadata) or ()],
        [Mark(str(code), severity) for code, severity in signals if severity in _WORST_FIRST],
        [Mark(code) for code in record.late],
        record,
        is_prior_only(score),
    )


def _build_current_marks(rows: Sequence[_Row]) -> Marks:
    recorded = next((row.metadata for row in rows if row.metadata is not None), None)
    record = read_run_record(read_json(recorded).value)
    signals = [Mark(row.signal, row.severity or "") for row in rows if row.signal]
    return _sort_marks(
        [Mark(row.gate) for row in rows if row.gate],
        [one for one in signals if one.code not in record.late],
        [one for one in signals if one.code in record.late],
        record,
        any(row.is_prior_only for row in rows),
    )


def _sort_marks(
    gates: Iterable[Mark], signals: Iterable[Mark], late: Iterable[Mark], record: RunRecord, is_prior: bool
) -> Marks:
    recorded = bool(record.severities or record.late or record.not_fired)
    return Marks(
        sorted(gates, key=lambda mark: mark.code),
        sorted(signals, key=lambda mark: (_WORST_FIRST.get(mark.severity, 0), mark.code)),
        sorted(late, key=lambda mark: mark.code),
        is_evaluated=recorded or not record.has_signals,
        is_prior_only=is_prior,
        stop_rules=record.stop_rules,
    )
