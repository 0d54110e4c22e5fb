"""Tables of signals, gates, scores and the scoring table for pages of the admin."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ncfd_site.adminkit.links import render_object_link
from ncfd_site.adminkit.read_only import Table
from ncfd_site.core import formatting
from signals import formulas, queries
from signals.formulas import GATE_RULES, GATE_SIGNALS, SEVERITIES, log_ratio
from signals.models import Gate, Score, Signal, TrialCurrentScore
from signals.queries import ScoreBreakdown, list_supporting_signals
from signals.scoring.table import Case, ScoringTable


def build_signals_table(signals: Sequence[Signal], gates: Sequence[Gate], title: str = "Signals") -> Table:
    """Return the signals of a trial with the gates that each supports."""
    rows = [
        (
            *_render_signal_cells(signal),
            _render_gate_links([gate for gate in gates if signal.s_id in (gate.supporting_s_ids or ())]),
            *_render_evidence_cells(signal),
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
            _render_number(gate.lr_used),
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
            _render_signed(score.sum_log_lr),
            score.run_id,
            formatting.render_age(score.scored_at),
        )
        for score in scores
    ]
    return Table("Scores", ("P(failure)", "Prior", "Sum of ln(LR)", "Run", "Scored"), rows, "Not scored yet.")


def build_support_table(gate: Gate) -> Table:
    """Return the signals that a gate names, with their evidence."""
    rows: list[tuple[Any, ...]] = []
    for one in list_supporting_signals(gate):
        if one.signal:
            rows.append((*_render_signal_cells(one.signal), *_render_evidence_cells(one.signal)))
        else:
            rows.append((one.code, formatting.render_quiet("signal since deleted"), "", "", ""))
    columns = ("Signal", "Severity", "Value", "Evidence", "Fired")
    return Table("Supporting signals", columns, rows, f"{gate.g_id} names no supporting signals.")


def build_breakdown_table(score: Score, breakdown: ScoreBreakdown) -> Table:
    """Return the steps of a score from the prior to the posterior."""
    steps: list[tuple[Any, ...]] = [
        ("Prior", formatting.format_percent(score.prior_pi), "", _render_signed(score.logit_prior))
    ]
    steps += [
        (
            render_object_link(one.gate, one.gate.get_g_id_display()) if one.gate else one.code,
            formatting.render_quiet("fired"),
            _render_number(one.likelihood_ratio),
            _render_signed(one.log_ratio),
        )
        for one in breakdown.contributions
    ]
    posterior = formatting.format_percent(formulas.probability(score.logit_post))
    steps += [
        ("Stored sum of the gates", "", "", _render_signed(score.sum_log_lr)),
        ("Posterior", posterior, "", _render_signed(score.logit_post)),
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


def build_scoring_tables(table: ScoringTable) -> list[Table]:
    """Return priors, ratios and stop rules as tables."""
    ratios = [
        (
            Gate.Code(code).label,
            GATE_RULES[code],
            _join_with_line_breaks(Signal.Code(one).label for one in GATE_SIGNALS[code]),
            _render_ratios(by_severity),
        )
        for code, by_severity in table.ratios.items()
    ]
    rules = [
        (
            rule.code,
            rule.description.capitalize() + ".",
            format_html_join(SafeString("<br>or "), "{}", map(_render_stop_rule_case, rule.cases)),
        )
        for rule in table.stop_rules
    ]
    return [
        Table(
            "Priors",
            ("Phase", "P(failure) before any signal"),
            [(phase, f"{prior:.0%}") for phase, prior in table.priors.items()],
            "No phase has a prior.",
            note="Trials of other phases are not scored.",
        ),
        Table(
            "Likelihood ratios",
            ("Gate", "Fires on", "Signals", "Likelihood ratio"),
            ratios,
            "No gate has a ratio.",
            note="Each gate that fires multiplies the odds of failure by its ratio, which adds its ln to the log-odds.",
        ),
        Table(
            "Stop rules",
            ("Rule", "Description", "Conditions"),
            rules,
            "There are no stop rules.",
            note="A missing field does not match. Fields of a card are from one publication of the trial.",
        ),
    ]


def format_gate_state(gate: Gate) -> str:
    """Return the state of a gate, for display."""
    return "fired" if gate.fired_bool else "did not fire"


def format_current_score(row: TrialCurrentScore) -> str:
    """Return the current probability of a trial, for display."""
    return "not scored" if row.p_fail is None else formatting.format_percent(row.p_fail)


def _join_with_line_breaks(texts: Iterable[str]) -> SafeString:
    return format_html_join(SafeString("<br>"), "{}", ((text,) for text in texts))


def _render_ratios(ratios: Mapping[str, Decimal]) -> SafeString:
    if len(set(ratios.values())) == 1:
        return _render_ratio(ratios[SEVERITIES[0]])
    lines = (format_html("{} {}", Signal.Severity(code).label, _render_ratio(ratios[code])) for code in SEVERITIES)
    return format_html("by the worst severity:<br>{}", _join_with_line_breaks(lines))


def _render_ratio(ratio: Decimal) -> SafeString:
    return format_html("{} (ln {})", ratio, f"{log_ratio(ratio):+.3f}")


def _render_stop_rule_case(case: Case) -> tuple[SafeString]:
    return (format_html_join(" and ", "<code>{}</code>", ((condition.label,) for condition in case.conditions)),)


def _render_signal_cells(signal: Signal) -> tuple[Any, ...]:
    link = render_object_link(signal, signal.get_s_id_display())
    return link, signal.get_severity_display(), _render_number(signal.value)


def _render_evidence_cells(signal: Signal) -> tuple[Any, ...]:
    evidence = signal.evidence_span or formatting.render_quiet("no evidence quoted")
    return evidence, formatting.render_age(signal.fired_at)


def _render_gate_links(gates: Sequence[Gate]) -> SafeString:
    links = ((render_object_link(gate, f"{gate.g_id} ({format_gate_state(gate)})"),) for gate in gates)
    return format_html_join(", ", "{}", links) or formatting.render_quiet("supports none")


def _render_number(amount: Decimal | None) -> Any:
    return (
        formatting.render_quiet("none")
        if amount is None
        else format_html('<span class="number">{}</span>', formatting.format_number(amount))
    )


def _render_signed(amount: Decimal) -> SafeString:
    return format_html('<span class="number">{}</span>', formatting.format_signed(amount))
