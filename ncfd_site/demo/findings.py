"""Results of the published trials: sentences, study card and signal values from the same figures.

`data/results.csv` has the figures: hazard ratios, or differences in percentage points, with 95% intervals and p-values.
S2 has a power; S4 has the p-values of the intention-to-treat and the per-protocol population.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ncfd_site.demo.catalog import PlannedTrial
from ncfd_site.demo.templates import fill, read_csv, read_toml

SIGNIFICANT = 0.05
# Journals print no smaller p-value.
SMALLEST_P = 0.001
# Of the randomized patients, the share in the primary analysis.
ANALYZED = 0.96


@dataclass(frozen=True)
class Result:
    """A row of `data/results.csv`; a missing figure is 0."""

    value: float
    low: float
    high: float
    p: float

    @property
    def p_words(self) -> str:
        """The p-value in prose: "p = 0.048", "p < 0.001"."""
        return "p < 0.001" if self.p < SMALLEST_P else f"p = {self.p:.3f}".removesuffix("0")

    @property
    def p_card(self) -> float | str:
        """The p-value for a study card: a number, or the printed text if that is no number."""
        return "<0.001" if self.p < SMALLEST_P else self.p


@dataclass
class Findings:
    """Sentences by topic (primary, S2 to S9, stop), the study card, and the value of each signal."""

    trial: PlannedTrial
    analyzed: int
    primary: Result
    sentences: dict[str, str] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)
    table: list[list[str]] = field(default_factory=list)
    values: dict[str, float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All sentences as one paragraph."""
        return " ".join(dict.fromkeys(self.sentences.values()))

    @property
    def is_positive(self) -> bool:
        """True if the primary result is significant."""
        return self.primary.p < SIGNIFICANT

    @property
    def outcome(self) -> str:
        """The name of the phrases for this result."""
        signals, result = self.trial.signals, "positive" if self.is_positive else "negative"
        return "per_protocol" if "S4" in signals else "subgroup" if "S3" in signals else result

    def report(self, topic: str, form: str) -> None:
        """Add what a form has: a sentence, a part of the card, a table, and the value of a signal."""
        trial, condition = self.trial, self.trial.condition
        control, modified = None if trial.is_single_arm else condition.control, {"S4", "S8"} <= trial.signals.keys()
        names = [name for name in (trial.drug.inn, control) if name]
        values = {
            "found": self,
            "trial": trial,
            "drug": trial.drug,
            "condition": condition,
            "result": read_results().get((trial.acronym, form)),
            "severity": trial.signals.get(form),
            "control": control,
            "population": "modified intention-to-treat" if modified else "intention-to-treat",
            "arms": [{"name": name, "n": self.analyzed // len(names)} for name in names],
            "reached": condition.control_share + self.primary.value / 100,
        }
        template = read_toml("findings")[form]
        filled = fill(template, values | fill(template.get("figures", {}), values))
        self.sentences[topic] = filled["sentence"]
        self.table = filled.get("table", self.table)
        self.values |= {topic: filled["value"]} if "value" in filled else {}
        _merge_part(self.card, filled.get("card", {}))


def build_findings(trial: PlannedTrial) -> Findings:
    """Return the result of a published trial."""
    found = Findings(trial, round(trial.patients * ANALYZED), read_results()[trial.acronym, "primary"])
    found.report("primary", "primary")
    for code in sorted(trial.signals.keys() - {"S1", "S8"}):
        found.report(code, code)
    if "S8" in trial.signals:
        # On the cusp of significance is the primary result, or that of the subgroup.
        cusp = fill(read_toml("findings")["S8"]["value"], {"severity": trial.signals["S8"]})
        found.values["S8"] = cusp
        found.sentences["S8"] = found.sentences["primary" if found.primary.p == cusp else "S3"]
    if trial.stop_rule == "per_protocol_only":
        found.sentences["stop"] = found.sentences["S4"]
    elif trial.stop_rule:
        found.report("stop", trial.stop_rule)
    return found


@cache
def read_results() -> dict[tuple[str, str], Result]:
    """Return the results by acronym and topic."""
    figures = ("value", "low", "high", "p")
    return {
        (row["trial"], row["topic"]): Result(*(float(row[name] or 0) for name in figures))
        for row in read_csv("results")
    }


def _merge_part(card: dict[str, Any], part: dict[str, Any]) -> None:
    """Add a part to a card, table by table."""
    for key, value in part.items():
        if isinstance(value, dict):
            _merge_part(card.setdefault(key, {}), value)
        else:
            card[key] = value
