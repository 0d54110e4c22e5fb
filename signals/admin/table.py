"""The table by which trials are scored, as tables for people."""

from collections.abc import Mapping
from decimal import Decimal

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ncfd_site.adminkit.tables import Table
from signals.formulas import GATE_SIGNALS, SEVERITIES, log_ratio
from signals.models import Gate, Signal
from signals.scoring.table import ScoringTable, StopRule

BREAK, OR = SafeString("<br>"), SafeString("<br>or ")
RULES = {
    "G1": "S1 and S2",
    "G2": "S3 and S4",
    "G3": "S5, and S6 or S7",
    "G4": "S8, and S1 or S3",
}


def tables_of(table: ScoringTable) -> list[Table]:
    """Priors, ratios and stop rules."""
    return [_priors(table), _ratios(table), _stop_rules(table)]


def _priors(table: ScoringTable) -> Table:
    rows = [(phase, f"{prior:.0%}") for phase, prior in table.priors.items()]
    return Table(
        "Priors",
        ("Phase", "P(fail) before anything is known"),
        rows,
        "No phase has a prior.",
        note="A trial of any other phase is not scored.",
    )


def _ratios(table: ScoringTable) -> Table:
    rows = [
        (Gate.Code(code).label, RULES[code], _signals(code), _ratio(by_severity))
        for code, by_severity in table.ratios.items()
    ]
    return Table(
        "Likelihood ratios",
        ("Gate", "Fires on", "Looks at", "Likelihood ratio"),
        rows,
        "No gate has a ratio.",
        note="The odds of failure are multiplied by the ratio of each gate that fires; ln is what it adds in log-odds.",
    )


def _signals(code: str) -> SafeString:
    return format_html_join(BREAK, "{}", ((Signal.Code(signal).label,) for signal in GATE_SIGNALS[code]))


def _ratio(ratios: Mapping[str, Decimal]) -> SafeString:
    if len(set(ratios.values())) == 1:
        return _with_log(ratios[SEVERITIES[0]])
    lines = ((Signal.Severity(severity).label, _with_log(ratios[severity])) for severity in SEVERITIES)
    return format_html("by the worst severity:<br>{}", format_html_join(BREAK, "{} {}", lines))


def _with_log(ratio: Decimal) -> SafeString:
    return format_html("{} (ln {})", ratio, f"{log_ratio(ratio):+.3f}")


def _stop_rules(table: ScoringTable) -> Table:
    rows = [(rule.code, rule.says.capitalize() + ".", _cases(rule)) for rule in table.stop_rules]
    return Table(
        "Stop rules",
        ("Rule", "What it means", "Holds where"),
        rows,
        "There is no stop rule.",
        note="A field that is missing does not hold. Fields of a card are of one publication of the trial.",
    )


def _cases(rule: StopRule) -> SafeString:
    cases = (
        (format_html_join(" and ", "<code>{}</code>", ((one.words,) for one in case.conditions)),)
        for case in rule.cases
    )
    return format_html_join(OR, "{}", cases)
