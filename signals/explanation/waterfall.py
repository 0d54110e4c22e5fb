"""The breakdown of a score in log-odds, step by step, with every mismatch of the stored numbers.

Log-odds are natural logarithms of the odds of failure; probabilities run from 0 to 1.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from ncfd_site.core.charts.waterfall import WaterfallChart, WaterfallItem, build_waterfall
from ncfd_site.core.formatting import format_number, format_percent, format_signed, humanize_name
from signals.formulas import MAX_LOGIT, MAX_RATIO, MIN_RATIO, logit, probability
from signals.models import Score
from signals.queries import ROUNDING_TOLERANCE, Contribution, ScoreBreakdown
from signals.trials.labels import format_phase
from signals.trials.run_record import RunRecord

# Probabilities are stored with five digits.
LAST_DIGIT = Decimal("0.00001")
# The log-odds at which a probability of 0 or 1 is drawn.
ENDLESS = Decimal(12)

Kind = Literal["prior", "gate", "gap", "limit", "stop", "posterior"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step: from log-odds `before` to `after`, the probability there, and in words what made it."""

    kind: Kind
    name: str
    before: Decimal
    after: Decimal
    probability: Decimal
    source: str
    ratio: str = ""
    contribution: Contribution | None = None
    support: tuple[str, ...] = ()

    @property
    def change(self) -> Decimal:
        """The change of the log-odds."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The steps from prior to stored probability; `deviations` name every mismatch of the numbers."""

    steps: tuple[Step, ...]
    deviations: tuple[str, ...]
    nothing_fired: bool

    @property
    def adds_up(self) -> bool:
        """True if the steps lead to the stored numbers without a gap."""
        return not self.deviations

    @property
    def is_raised(self) -> bool:
        """True if a stop rule raised the probability."""
        return any(step.kind == "stop" for step in self.steps)

    @property
    def prior_in_words(self) -> str:
        """The prior and its probability, as the middle of a sentence."""
        prior = self.steps[0]
        return f"the {prior.name[0].lower()}{prior.name[1:]} ({format_percent(prior.probability)})"


def compute_waterfall(score: Score, account: ScoreBreakdown, record: RunRecord) -> Waterfall:
    """Return the steps from the prior to the stored score. An unexplained gap is a step of its own."""
    stored = (score.prior_pi, score.logit_prior, score.sum_log_lr, score.logit_post, score.p_fail)
    if not all(number.is_finite() for number in stored):
        return Waterfall((), ("The stored score contains a value that is not a number, so there are no steps.",), False)
    deviations = _describe_prior_deviation(score)
    name = f"Prior of {format_phase(record.prior_phase).lower()}" if record.prior_phase else "Prior"
    table = f"scoring table {record.table_version}" if record.table_version else "the stored score"
    steps = [Step("prior", name, Decimal(0), score.logit_prior, score.prior_pi, table)]
    for one in account.contributions:
        steps.append(_build_gate_step(one, steps[-1].after, record, recorded=account.recorded))
    if not account.adds_up:
        deviations.append(_describe_sum_deviation(score, account))
        _add_step(steps, "gap", "Not explained", score.sum_log_lr - account.total, "the stored sum")
    raw = score.logit_prior + score.sum_log_lr
    kept = min(max(raw, -MAX_LOGIT), MAX_LOGIT)
    if raw != kept:
        _add_step(steps, "limit", "Kept within -8 and 8", kept - raw, "the rule for posterior log-odds")
    if abs(score.logit_post - kept) > ROUNDING_TOLERANCE:
        total, stored_odds, unexplained = map(format_signed, (kept, score.logit_post, score.logit_post - kept))
        deviations.append(
            f"Prior and gates come to {total}, the stored posterior log-odds are {stored_odds}: {unexplained} is"
            " not explained."
        )
        _add_step(steps, "gap", "Not explained", score.logit_post - kept, "the stored posterior log-odds")
    raised, deviation = _explain_probability(score, record, steps[-1])
    if raised:
        steps.append(raised)
    if deviation:
        deviations.append(deviation)
    posterior = f"run {score.run_id}"
    steps.append(Step("posterior", "Stored P(failure)", Decimal(0), steps[-1].after, score.p_fail, posterior))
    return Waterfall(tuple(steps), tuple(deviations), not account.contributions and account.adds_up)


def _describe_prior_deviation(score: Score) -> list[str]:
    if not 0 < score.prior_pi < 1:
        return [f"The stored prior is {score.prior_pi}, which has no log-odds."]
    exact = logit(score.prior_pi)
    # A logarithm taken before the prior was rounded to five digits is right too.
    slack = LAST_DIGIT / (score.prior_pi * (1 - score.prior_pi)) + ROUNDING_TOLERANCE
    if abs(exact - score.logit_prior) <= slack:
        return []
    text = f"A prior of {format_percent(score.prior_pi)} is {format_signed(exact)} in log-odds"
    return [f"{text}, the stored prior log-odds are {format_signed(score.logit_prior)}."]


def _build_gate_step(one: Contribution, before: Decimal, record: RunRecord, *, recorded: bool) -> Step:
    name = one.gate.get_g_id_display() if one.gate else one.code
    after = before + one.log_ratio
    text = format_number(one.likelihood_ratio)
    if not MIN_RATIO <= one.likelihood_ratio <= MAX_RATIO:
        text = f"{text}, counts as {min(max(one.likelihood_ratio, MIN_RATIO), MAX_RATIO)}"
    support = record.supporting.get(one.code, ())
    if one.gate and not recorded:
        support = tuple(one.gate.supporting_s_ids or ())
    source = "recorded" if recorded else "current"
    return Step("gate", name, before, after, probability(after), source, text, one, support)


def _add_step(steps: list[Step], kind: Kind, name: str, change: Decimal, source: str) -> None:
    before, after = steps[-1].after, steps[-1].after + change
    steps.append(Step(kind, name, before, after, probability(after), source))


def _describe_sum_deviation(score: Score, account: ScoreBreakdown) -> str:
    if account.recorded:
        text = f"The gates that the run recorded add up to {format_signed(account.total)}"
    else:
        text = f"The run recorded no gates. Those that fire today add up to {format_signed(account.total)}"
    gap = format_signed(score.sum_log_lr - account.total)
    return f"{text}, the stored sum is {format_signed(score.sum_log_lr)}: {gap} is not explained."


def _explain_probability(score: Score, record: RunRecord, last: Step) -> tuple[Step | None, str]:
    """Return the step from the posterior log-odds to the stored probability, if they differ, and what is wrong with it.

    Only a stop rule can raise the probability.
    """
    computed = probability(score.logit_post)
    if abs(score.p_fail - computed) <= LAST_DIGIT:
        return None, ""
    after = logit(score.p_fail) if 0 < score.p_fail < 1 else ENDLESS * (1 if score.p_fail > 0 else -1)
    lies = f"The stored probability is {format_percent(score.p_fail)}, its log-odds give {format_percent(computed)}"
    if score.p_fail < computed:
        step = Step("gap", "Not explained", last.after, after, score.p_fail, "the stored probability")
        return step, f"{lies}: a stop rule may raise it, nothing may lower it."
    source = ", ".join(humanize_name(rule.name) for rule in record.stop_rules) or "none is recorded"
    step = Step("stop", "Stop rule", last.after, after, score.p_fail, source)
    if not record.stop_rules:
        why = "the run recorded that no stop rule held" if record.has_stop_rules else "the run recorded no stop rule"
        return step, f"{lies}. Only a stop rule raises it, and {why}."
    floor = max((rule.at_least for rule in record.stop_rules if rule.at_least is not None), default=score.p_fail)
    if abs(floor - score.p_fail) > LAST_DIGIT:
        return step, f"{lies}, and the stop rule puts it at {format_percent(floor)}."
    return step, ""


def build_score_waterfall(found: Waterfall) -> WaterfallChart:
    """Return the chart of the steps, with an axis of log-odds and one of probabilities."""
    items = [
        WaterfallItem(
            label=step.name,
            before=step.before,
            after=step.after,
            text=format_percent(step.probability)
            if step.kind in ("prior", "posterior")
            else format_signed(step.change),
            kind=step.kind,
            note=f"\u00d7{step.ratio}" if step.ratio else "",
        )
        for step in found.steps
    ]
    return build_waterfall(items, _format_probability)


def _format_probability(log_odds: Decimal) -> str:
    percent = probability(log_odds) * 100
    return f"{percent:.0f} %" if 1 <= percent <= 99 else f"{percent:.1f} %"
