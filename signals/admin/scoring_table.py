"""The scoring table as tables of the admin."""

from collections.abc import Mapping
from decimal import Decimal

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ncfd_site.adminkit.read_only import Table
from signals.formulas import GATE_SIGNALS, SEVERITIES, log_ratio
from signals.models import Gate, Signal
from signals.scoring.table import ScoringTable, StopRule

RULES = {"G1": "S1 and S2", "G2": "S3 and S4", "G3": "S5, and S6 or S7", "G4": "S8, and S1 or S3"}


def build_tables(table: ScoringTable) -> list[Table]:
    """Return priors, ratios and stop rules as tables."""
    ratios = [
        (Gate.Code(code).label, RULES[code], _signals(code), _ratio(by_severity))
        for code, by_severity in table.ratios.items()
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
            [(rule.code, rule.description.capitalize() + ".", _cases(rule)) for rule in table.stop_rules],
            "There are no stop rules.",
            note="A missing field does not match. Fields of a card are from one publication of the trial.",
        ),
    ]


def _signals(code: str) -> SafeString:
    return format_html_join(SafeString("<br>"), "{}", ((Signal.Code(one).label,) for one in GATE_SIGNALS[code]))


def _ratio(ratios: Mapping[str, Decimal]) -> SafeString:
    if len(set(ratios.values())) == 1:
        return _with_log(ratios[SEVERITIES[0]])
    lines = ((Signal.Severity(severity).label, _with_log(ratios[severity])) for severity in SEVERITIES)
    return format_html("by the worst severity:<br>{}", format_html_join(SafeString("<br>"), "{} {}", lines))


def _with_log(ratio: Decimal) -> SafeString:
    return format_html("{} (ln {})", ratio, f"{log_ratio(ratio):+.3f}")


def _cases(rule: StopRule) -> SafeString:
    cases = (
        (format_html_join(" and ", "<code>{}</code>", ((one.label,) for one in case.conditions)),)
        for case in rule.cases
    )
    return format_html_join(SafeString("<br>or "), "{}", cases)
