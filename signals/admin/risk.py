"""Signals, gates and scores as tables, with what supports what."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ncfd_site.adminkit.links import object_link
from ncfd_site.adminkit.tables import Table
from ncfd_site.core import formatting
from signals import queries
from signals.models import Gate, Score, Signal, TrialCurrentScore
from signals.queries import ScoreBreakdown, SupportingSignal, list_supporting_signals


def signals_table(signals: Sequence[Signal], gates: Sequence[Gate], title: str = "Signals") -> Table:
    """The signals of a trial, each with the gates that it supports."""
    rows = [
        (
            object_link(signal, signal.get_s_id_display()),
            signal.get_severity_display(),
            _number(signal.value),
            _links([gate for gate in gates if signal.s_id in (gate.supporting_s_ids or ())], "supports none"),
            signal.evidence_span or formatting.render_quiet("no evidence quoted"),
            formatting.render_age(signal.fired_at),
        )
        for signal in signals
    ]
    return Table(
        title, ("Signal", "Severity", "Value", "Supports", "Evidence", "Fired"), rows, "No signal fired for this trial."
    )


def gates_table(
    gates: Sequence[Gate], title: str = "Gates", empty: str = "No gate was evaluated for this trial."
) -> Table:
    """The gates of a trial, each with the signals that support it."""
    rows = [
        (
            object_link(gate, gate.get_g_id_display()),
            fired(gate),
            _number(gate.lr_used),
            ", ".join(gate.supporting_s_ids or ()) or formatting.render_quiet("none"),
            formatting.render_age(gate.evaluated_at),
        )
        for gate in gates
    ]
    return Table(title, ("Gate", "State", "Likelihood ratio", "Supported by", "Evaluated"), rows, empty)


def scores_table(scores: Sequence[Score]) -> Table:
    """The scores of a trial, the newest first."""
    rows = [
        (
            object_link(score, formatting.format_percent(score.p_fail)),
            formatting.format_percent(score.prior_pi),
            _signed(score.sum_log_lr),
            score.run_id,
            formatting.render_age(score.scored_at),
        )
        for score in scores
    ]
    return Table(
        "Scores", ("P(fail)", "Prior", "Sum of ln(LR)", "Run", "Scored"), rows, "This trial was not scored yet."
    )


def support_table(gate: Gate, supported: Sequence[SupportingSignal]) -> Table:
    """The signals that a gate names, whether they are there, and their evidence."""
    return Table(
        "Supporting signals",
        ("Signal", "Severity", "Value", "Evidence", "Fired"),
        [_support_row(one) for one in supported],
        f"{gate.g_id} names no signal as its support.",
    )


def account_tables(score: Score, account: ScoreBreakdown) -> list[Table]:
    """How a score comes about: from the prior over each gate that fired to the posterior."""
    steps: list[tuple[Any, ...]] = [
        ("Prior", formatting.format_percent(score.prior_pi), "", _signed(score.logit_prior))
    ]
    steps += [
        (
            object_link(one.gate, one.gate.get_g_id_display()) if one.gate else one.code,
            formatting.render_quiet("fired"),
            _number(one.likelihood_ratio),
            _signed(one.log_ratio),
        )
        for one in account.contributions
    ]
    steps += [
        ("Sum of the gates, as stored", "", "", _signed(score.sum_log_lr)),
        ("Posterior", formatting.format_percent(queries.probability(score.logit_post)), "", _signed(score.logit_post)),
    ]
    if queries.is_raised_by_stop_rule(score):
        steps.append(("Raised by a stop rule", formatting.format_percent(score.p_fail), "", ""))
    source = "as the run recorded them" if account.recorded else "as they stand today, since the run recorded none"
    total = "the stored sum" if account.adds_up else f"{formatting.format_signed(account.total)}, not to the stored sum"
    sums = f"They add up to {total}{'' if account.adds_up else ': the gates were others when it was scored'}."
    note = f"Log-odds of failure; the gates that fired, {source}. {sums}"
    return [Table("From prior to posterior", ("Step", "Probability", "Likelihood ratio", "Log-odds"), steps, "", note)]


def fired(gate: Gate) -> str:
    """Whether a gate fired, in words."""
    return "fired" if gate.fired_bool else "did not fire"


def standing(row: TrialCurrentScore) -> str:
    """The latest probability of a trial, in words where there is none."""
    return "not scored" if row.p_fail is None else formatting.format_percent(row.p_fail)


def gate_support(gate: Gate) -> list[Table]:
    """The table on a gate's page."""
    return [support_table(gate, list_supporting_signals(gate))]


def _support_row(one: SupportingSignal) -> tuple[Any, ...]:
    if one.signal is None:
        return (one.code, formatting.render_quiet("the trial has no such signal"), "", "", "")
    signal = one.signal
    return (
        object_link(signal, signal.get_s_id_display()),
        signal.get_severity_display(),
        _number(signal.value),
        signal.evidence_span or formatting.render_quiet("no evidence quoted"),
        formatting.render_age(signal.fired_at),
    )


def _links(rows: Sequence[Any], empty: str) -> SafeString:
    if not rows:
        return formatting.render_quiet(empty)
    return format_html_join(", ", "{}", ((object_link(row, f"{row.g_id} ({fired(row)})"),) for row in rows))


def _number(amount: Decimal | None) -> Any:
    return (
        formatting.render_quiet("none")
        if amount is None
        else format_html('<span class="number">{}</span>', formatting.format_number(amount))
    )


def _signed(amount: Decimal) -> SafeString:
    return format_html('<span class="number">{}</span>', formatting.format_signed(amount))
