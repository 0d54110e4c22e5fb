"""Tables of signals, gates and scores for pages of the admin."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ncfd_site.adminkit.links import render_object_link
from ncfd_site.adminkit.read_only import Table
from ncfd_site.core import formatting
from signals import formulas, queries
from signals.models import Gate, Score, Signal, TrialCurrentScore
from signals.queries import ScoreBreakdown, SupportingSignal, list_supporting_signals


def build_signals_table(signals: Sequence[Signal], gates: Sequence[Gate], title: str = "Signals") -> Table:
    """Return the signals of a trial with the gates that each supports."""
    rows = [
        (
            render_object_link(signal, signal.get_s_id_display()),
            signal.get_severity_display(),
            _number(signal.value),
            _links([gate for gate in gates if signal.s_id in (gate.supporting_s_ids or ())], "supports none"),
            signal.evidence_span or formatting.render_quiet("no evidence quoted"),
            formatting.render_age(signal.fired_at),
        )
        for signal in signals
    ]
    return Table(
        title,
        ("Signal", "Severity", "Value", "Supports", "Evidence", "Fired"),
        rows,
        "No signals fired for this trial.",
    )


def build_gates_table(
    gates: Sequence[Gate], title: str = "Gates", empty: str = "No gates were evaluated for this trial."
) -> Table:
    """Return the gates of a trial with their supporting signals."""
    rows = [
        (
            render_object_link(gate, gate.get_g_id_display()),
            format_gate_state(gate),
            _number(gate.lr_used),
            ", ".join(gate.supporting_s_ids or ()) or formatting.render_quiet("none"),
            formatting.render_age(gate.evaluated_at),
        )
        for gate in gates
    ]
    return Table(title, ("Gate", "State", "Likelihood ratio", "Supported by", "Evaluated"), rows, empty)


def build_scores_table(scores: Sequence[Score]) -> Table:
    """Return the scores of a trial."""
    rows = [
        (
            render_object_link(score, formatting.format_percent(score.p_fail)),
            formatting.format_percent(score.prior_pi),
            _signed(score.sum_log_lr),
            score.run_id,
            formatting.render_age(score.scored_at),
        )
        for score in scores
    ]
    return Table("Scores", ("P(failure)", "Prior", "Sum of ln(LR)", "Run", "Scored"), rows, "Not scored yet.")


def build_support_table(gate: Gate) -> Table:
    """Return the signals that a gate names, with their evidence."""
    return Table(
        "Supporting signals",
        ("Signal", "Severity", "Value", "Evidence", "Fired"),
        [_support_row(one) for one in list_supporting_signals(gate)],
        f"{gate.g_id} names no supporting signals.",
    )


def build_breakdown_table(score: Score, breakdown: ScoreBreakdown) -> Table:
    """Return the steps of a score from the prior to the posterior."""
    steps: list[tuple[Any, ...]] = [
        ("Prior", formatting.format_percent(score.prior_pi), "", _signed(score.logit_prior))
    ]
    steps += [
        (
            render_object_link(one.gate, one.gate.get_g_id_display()) if one.gate else one.code,
            formatting.render_quiet("fired"),
            _number(one.likelihood_ratio),
            _signed(one.log_ratio),
        )
        for one in breakdown.contributions
    ]
    steps += [
        ("Stored sum of the gates", "", "", _signed(score.sum_log_lr)),
        ("Posterior", formatting.format_percent(formulas.probability(score.logit_post)), "", _signed(score.logit_post)),
    ]
    if queries.is_raised_by_stop_rule(score):
        steps.append(("Raised by a stop rule", formatting.format_percent(score.p_fail), "", ""))
    source = "as recorded by the run" if breakdown.recorded else "as of now, because the run recorded none"
    if breakdown.adds_up:
        check = "They sum to the stored score."
    else:
        check = (
            f"They sum to {formatting.format_signed(breakdown.total)}, not to the stored sum: the gates have changed."
        )
    note = f"Log-odds of failure. Fired gates {source}. {check}"
    return Table("Score breakdown", ("Step", "Probability", "Likelihood ratio", "Log-odds"), steps, "", note)


def format_gate_state(gate: Gate) -> str:
    """Return the state of a gate, for display."""
    return "fired" if gate.fired_bool else "did not fire"


def format_current_score(row: TrialCurrentScore) -> str:
    """Return the current probability of a trial, for display."""
    return "not scored" if row.p_fail is None else formatting.format_percent(row.p_fail)


def _support_row(one: SupportingSignal) -> tuple[Any, ...]:
    if one.signal is None:
        return (one.code, formatting.render_quiet("signal since deleted"), "", "", "")
    signal = one.signal
    return (
        render_object_link(signal, signal.get_s_id_display()),
        signal.get_severity_display(),
        _number(signal.value),
        signal.evidence_span or formatting.render_quiet("no evidence quoted"),
        formatting.render_age(signal.fired_at),
    )


def _links(rows: Sequence[Any], empty: str) -> SafeString:
    if not rows:
        return formatting.render_quiet(empty)
    return format_html_join(
        ", ", "{}", ((render_object_link(row, f"{row.g_id} ({format_gate_state(row)})"),) for row in rows)
    )


def _number(amount: Decimal | None) -> Any:
    return (
        formatting.render_quiet("none")
        if amount is None
        else format_html('<span class="number">{}</span>', formatting.format_number(amount))
    )


def _signed(amount: Decimal) -> SafeString:
    return format_html('<span class="number">{}</span>', formatting.format_signed(amount))
