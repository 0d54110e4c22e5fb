"""The nine signals and four gates of a trial as they stood in a run, with what each rests on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from django.db.models.fields.json import KT

from ncfd_site.core import sql
from ncfd_site.core.formatting import format_number, format_signed
from signals import formulas
from signals.models import Gate, Score, Signal
from signals.queries import ScoreBreakdown
from signals.trials.labels import BANDS
from signals.trials.run_record import RunRecord

# Lines of the history: where the bands begin.
BAND_LINES = tuple(band.low for band in BANDS if band.low is not None)

State = Literal["fired", "late", "not fired", "not evaluated"]
NO_EVALUATION = "Not evaluated."


@dataclass(frozen=True, slots=True)
class SignalRow:
    """One signal of a trial in the database: its current row, study and document, and an evaluation.

    The evaluation is the last one, or the last one before the moment of a run; `outcome_since` is what came after that.
    """

    code: str
    signal_id: int | None
    value: Decimal | None
    severity: str | None
    quote: str | None
    fired_at: datetime | None
    page_no: int | None
    version_before: int | None
    version_after: int | None
    study_id: int | None
    doc_type: str | None
    year: int | None
    doc_id: int | None
    source_url: str | None
    outcome: str | None
    reason: str | None
    evaluated_at: datetime | None
    evaluated_by: str | None
    outcome_since: str | None


@dataclass(frozen=True, slots=True)
class SignalFinding:
    """A signal as it stood in the run: its state, why, and what it rests on."""

    code: str
    name: str
    state: State
    severity: str
    why: str
    row: SignalRow

    @property
    def has_evidence(self) -> bool:
        """True if there is a row of today whose quote and study can be shown."""
        return self.row.signal_id is not None and self.state in ("fired", "late")

    @property
    def versions_query(self) -> str:
        """The part of an address that sets the versions of the record beside each other from which it was read."""
        before, after = self.row.version_before, self.row.version_after
        return f"?from={before}&to={after}" if before is not None and after is not None else ""


@dataclass(frozen=True, slots=True)
class GateFinding:
    """A gate in the run; `is_evaluated` is True if its state is recorded."""

    code: str
    name: str
    rule: str
    fired: bool
    supporting: tuple[str, ...]
    ratio: str
    contribution: str
    rationale: str
    is_evaluated: bool = True


# A key in somebody's JSON is a number only where it looks like one that fits.
_KEY = "CASE WHEN {0} ~ '^[0-9]{{1,18}}$' THEN ({0})::bigint END"
_SIGNALS = f"""
    SELECT c.code, s.signal_id, s.value, s.severity, left(s.evidence_span, 2000) AS quote, s.fired_at,
           {_KEY.format("(s.metadata ->> 'page_no')")} AS page_no,
           {_KEY.format("(s.metadata -> 'trial_version_ids' ->> 0)")} AS version_before,
           {_KEY.format("(s.metadata -> 'trial_version_ids' ->> 1)")} AS version_after,
           st.study_id, st.doc_type, st.year, d.doc_id, d.source_url,
           e.outcome, left(e.reason, 1000) AS reason, e.evaluated_at, e.evaluated_by, later.outcome AS outcome_since
    FROM (SELECT unnest(%(codes)s::text[]) AS code
          UNION SELECT "S_id" FROM signals WHERE trial_id = %(trial)s) c
    LEFT JOIN signals s ON s.trial_id = %(trial)s AND s."S_id" = c.code
    LEFT JOIN studies st ON st.study_id = s.source_study_id
    LEFT JOIN documents d ON d.doc_id = coalesce(
        {_KEY.format("(s.metadata ->> 'doc_id')")},
        {_KEY.format("(st.extracted_jsonb #>> '{source,doc_id}')")})
    LEFT JOIN LATERAL (
        SELECT outcome, reason, evaluated_at, evaluated_by FROM signal_evaluations
        WHERE trial_id = %(trial)s AND s_id = c.code
          AND (%(until)s::timestamptz IS NULL OR evaluated_at < %(until)s::timestamptz)
        ORDER BY evaluated_at DESC LIMIT 1
    ) e ON true
    LEFT JOIN LATERAL (
        SELECT outcome FROM signal_evaluations
        WHERE trial_id = %(trial)s AND s_id = c.code AND evaluated_at >= %(until)s::timestamptz
        ORDER BY evaluated_at DESC LIMIT 1
    ) later ON true
    ORDER BY c.code
"""  # noqa: S608 (only expressions of this file)


def list_signal_findings(
    trial_id: int, record: RunRecord, *, is_latest: bool, scored_at: datetime | None = None
) -> list[SignalFinding]:
    """Return the state of every signal in a run; the current state if the run recorded no signals.

    `scored_at` is the time of the run; later evaluations do not count, but are mentioned.
    """
    until = scored_at if record.has_signals else None
    given = {"codes": list(Signal.Code.values), "trial": trial_id, "until": until}
    names = dict(Signal.Code.choices)
    findings = []
    for row in sql.rows(_SIGNALS, given, of=SignalRow):
        state, severity, why = _read_recorded(row, record) if record.has_signals else _read_current(row, is_latest)
        findings.append(SignalFinding(row.code, names.get(row.code, row.code), state, severity, why, row))
    return findings


def list_current_gates(trial_id: int) -> list[Gate]:
    """Return the current gates of a trial, without metadata except their run (`of_run`)."""
    gates = Gate.objects.filter(trial_id=trial_id).defer("metadata").annotate(of_run=KT("metadata__run_id"))
    return list(gates.order_by("g_id"))


def list_gate_findings(
    score: Score | None, account: ScoreBreakdown | None, record: RunRecord, gates: Sequence[Gate]
) -> list[GateFinding]:
    """Return the state of every gate in the run of a score; the current state without a score."""
    today = {gate.g_id: gate for gate in gates}
    added = {one.code: one for one in account.contributions} if account else {}
    findings = []
    for code in sorted({*Gate.Code.values, *today, *added}):
        gate, one = today.get(code), added.get(code)
        fired = one is not None if account else bool(gate and gate.fired_bool)
        # A gate describes the run that wrote it and later ones: a run with an equal gate does not write it again.
        is_of_run = gate is not None and (
            score is None
            or (
                gate.fired_bool == fired
                and (
                    getattr(gate, "of_run", None) in (None, score.run_id)
                    or (gate.evaluated_at <= score.scored_at and not record.as_of)
                )
            )
        )
        support = record.supporting.get(code) or (tuple(gate.supporting_s_ids or ()) if gate and is_of_run else ())
        findings.append(
            GateFinding(
                code,
                gate.get_g_id_display() if gate else dict(Gate.Code.choices).get(code, code),
                f"needs {formulas.GATE_RULES[code]}" if code in formulas.GATE_RULES else "",
                fired,
                support if fired else (),
                format_number(one.likelihood_ratio) if one else "",
                format_signed(one.log_ratio) if one else "",
                (gate.rationale_text if gate and is_of_run else "") or _explain_not_fired(code, fired, record),
                is_evaluated=gate is not None or (account is not None and account.recorded),
            )
        )
    return findings


def _explain_not_fired(code: str, fired: bool, record: RunRecord) -> str:
    """Return why a gate did not fire in a run that recorded its signals; "" if it fires by the current rules."""
    if (
        fired
        or not record.has_signals
        or code not in formulas.GATES
        or formulas.gate_fires(code, record.severities.keys())
    ):
        return ""
    return formulas.evaluate_gate(code, record.severities, {}, late=record.late, not_fired=record.not_fired).rationale


def _read_recorded(row: SignalRow, record: RunRecord) -> tuple[State, str, str]:
    """Return the state of a signal in the run, its severity ("" unless it fired), and a note."""
    code = row.code
    if code in record.severities:
        gone = "" if row.signal_id is not None else "Signal since deleted."
        return "fired", record.severities[code] or row.severity or "", gone
    if code in record.late:
        return "late", row.severity or "", "Fired after the feature freeze; not counted."
    since = _describe_later_state(row)
    if code in record.not_fired:
        return "not fired", "", since or (row.reason or "" if row.outcome == "not fired" else "")
    text = record.not_evaluated.get(code, "") or (row.reason or "" if row.outcome == "not evaluated" else "")
    return "not evaluated", "", since or text or NO_EVALUATION


def _describe_later_state(row: SignalRow) -> str:
    """Return a sentence if the signal fired, or was evaluated as not fired, after the run; else ""."""
    if row.signal_id is not None:
        return "Fired after this run."
    if row.outcome_since == "not fired" and row.outcome != "not fired":
        return "Evaluated after this run: not fired."
    return ""


def _read_current(row: SignalRow, is_latest: bool) -> tuple[State, str, str]:
    """Return the state of a signal today, its severity ("" unless it fired), and a note."""
    before = "" if is_latest else "Current state; the run recorded no signals."
    if row.signal_id is not None:
        return "fired", row.severity or "", before
    if row.outcome == "not fired":
        return "not fired", "", row.reason or before
    return "not evaluated", "", (row.reason or "" if row.outcome == "not evaluated" else "") or before or NO_EVALUATION
