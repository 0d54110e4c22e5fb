"""The scoring table: priors, likelihood ratios and stop rules, read from `scoring_table.toml`."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from ncfd_site.config.errors import ConfigurationError
from signals.formulas import GATES, MAX_PRIOR, MAX_RATIO, MIN_PRIOR, MIN_RATIO, SEVERITIES, SIGNALS, Ratios

PATH = Path(__file__).with_name("scoring_table.toml")
CARD = "card"
COMPARISONS = {"is": "==", "matches": "like_regex", "over": ">", "under": "<", "at_least": ">=", "at_most": "<="}
_KEYS = {"version", "freeze_days", "stop_floor", "priors", "ratios", "stop_rule"}
_FIELD = re.compile(r"(?:signals\.(S[1-9])\.metadata|(card))((?:\.[A-Za-z_][A-Za-z0-9_]*)+)")


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison of one field; `names` is the path of the field inside the metadata or the card."""

    field: str
    names: tuple[str, ...]
    comparison: str
    value: bool | str | Decimal

    @property
    def jsonpath(self) -> str:
        """PostgreSQL JSON path predicate; text that is a number compares as one."""
        path = "$" + "".join(f".{json.dumps(name)}" for name in self.names)
        if isinstance(self.value, Decimal):
            return f"{path}.double() {COMPARISONS[self.comparison]} {self.value}"
        return f"{path} {COMPARISONS[self.comparison]} {json.dumps(self.value, ensure_ascii=False)}"

    @property
    def label(self) -> str:
        """The condition for display."""
        value = self.value if not isinstance(self.value, bool) else str(self.value).lower()
        return f"{self.field} {self.comparison.replace('_', ' ')} {value}"


@dataclass(frozen=True, slots=True)
class Case:
    """Conditions that must all hold, on one signal (`source` S1 to S9) or one study card (`source` card)."""

    source: str
    conditions: tuple[Condition, ...]

    @property
    def jsonpath(self) -> str:
        """All conditions as one predicate. Strict mode: fields inside lists do not match."""
        return "strict " + " && ".join(f"({condition.jsonpath})" for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class StopRule:
    """A rule that makes failure near certain; it holds if any case holds."""

    code: str
    description: str
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class ScoringTable:
    """Priors by phase, ratios by gate and severity, stop rules, and the version of the table."""

    version: str
    freeze_days: int
    floor: Decimal
    priors: Mapping[str, Decimal]
    ratios: Ratios
    stop_rules: tuple[StopRule, ...]

    @property
    def rules(self) -> dict[str, StopRule]:
        """Stop rules by code."""
        return {rule.code: rule for rule in self.stop_rules}


@cache
def scoring_table() -> ScoringTable:
    """Return the table of this release. Raises ConfigurationError for an invalid file."""
    return read_table(PATH)


def read_table(path: Path) -> ScoringTable:
    """Read a scoring table. Raises ConfigurationError with file, key and correction."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    # Huge numbers and deep nesting fail below the parser, with errors of their own.
    except (OSError, ValueError, ArithmeticError, RecursionError) as error:
        reason = str(error).strip().rstrip(".")
        if not reason or isinstance(error, ArithmeticError):
            reason = type(error).__name__
        raise ConfigurationError(f"Cannot read {path.name}: {reason}. Correct the file.") from None
    return _Reader(path.name).read_table(raw)


class _Reader:
    def __init__(self, name: str) -> None:
        self._name = name

    def read_table(self, raw: dict[str, Any]) -> ScoringTable:
        for key in sorted(raw.keys() ^ _KEYS):
            self._fail(key, "is unknown: remove it" if key in raw else "is missing: add it")
        version, days = raw["version"], raw["freeze_days"]
        if not isinstance(version, str) or not version.strip():
            self._fail("version", "must be a text such as 2026-11")
        if not isinstance(days, int) or isinstance(days, bool) or not 0 <= days <= 365:
            self._fail("freeze_days", "must be a whole number of days from 0 to 365")
        rules = tuple(self._read_stop_rule(n, rule) for n, rule in enumerate(self._read_list(raw, "stop_rule"), 1))
        if len({rule.code for rule in rules}) < len(rules):
            self._fail("stop_rule", "has a duplicate code: give each rule its own")
        return ScoringTable(
            version=version,
            freeze_days=days,
            floor=self._read_number("stop_floor", raw["stop_floor"], Decimal(0), Decimal(1)),
            priors=self._read_priors(raw["priors"]),
            ratios=self._read_ratios(raw["ratios"]),
            stop_rules=rules,
        )

    def _read_priors(self, raw: Any) -> dict[str, Decimal]:
        if not isinstance(raw, dict) or not raw:
            self._fail("priors", "must have a number for each phase")
        return {key: self._read_number(f"priors.{key}", value, MIN_PRIOR, MAX_PRIOR) for key, value in raw.items()}

    def _read_ratios(self, raw: Any) -> dict[str, dict[str, Decimal]]:
        if not isinstance(raw, dict) or raw.keys() != set(GATES):
            self._fail("ratios", f"must have a ratio for each of {', '.join(GATES)}, and for no other")
        found = {}
        for gate, value in sorted(raw.items()):
            by_severity = value if isinstance(value, dict) else dict.fromkeys(SEVERITIES, value)
            if by_severity.keys() != set(SEVERITIES):
                self._fail(f"ratios.{gate}", f"must be a number, or one for each of {', '.join(SEVERITIES)}")
            found[gate] = {
                severity: self._read_number(f"ratios.{gate}.{severity}", by_severity[severity], MIN_RATIO, MAX_RATIO)
                for severity in SEVERITIES
            }
        return found

    def _read_stop_rule(self, number: int, raw: Any) -> StopRule:
        key = f"stop_rule {number}"
        if not isinstance(raw, dict) or raw.keys() != {"code", "description", "when"}:
            self._fail(key, "must have code, description and when, and nothing else")
        code, description = raw["code"], raw["description"]
        if not isinstance(code, str) or not re.fullmatch(r"[a-z_]+", code):
            self._fail(f"{key}.code", "must be a name of lower-case letters and underscores")
        if not isinstance(description, str) or not description.strip():
            self._fail(f"{key}.description", "must describe the rule in words")
        cases = tuple(self._read_case(f"{key}.when", one) for one in self._read_list(raw, "when"))
        return StopRule(code, description, cases)

    def _read_case(self, key: str, raw: Any) -> Case:
        if not isinstance(raw, dict) or raw.keys() != {"all"}:
            self._fail(key, "must have a list `all`, and nothing else")
        found = [self._read_condition(key, one) for one in self._read_list(raw, "all")]
        if not found or len({source for source, _ in found}) > 1:
            self._fail(key, "must have conditions of one signal or of one card: split it into several `when`")
        return Case(found[0][0], tuple(condition for _, condition in found))

    def _read_condition(self, key: str, raw: Any) -> tuple[str, Condition]:
        given = [name for name in COMPARISONS if isinstance(raw, dict) and name in raw]
        if len(given) != 1 or raw.keys() != {"field", given[0]}:
            self._fail(key, f"has a condition that is not `field` and one of {', '.join(COMPARISONS)}")
        match = _FIELD.fullmatch(str(raw["field"]))
        if match is None or (match[1] and match[1] not in SIGNALS):
            self._fail(key, f"has the field {raw['field']!r}: write signals.S1.metadata.NAME or card.NAME")
        comparison, value = given[0], raw[given[0]]
        place = f"{key}.{raw['field']}"
        if comparison == "matches":
            try:
                re.compile(value)
            except (re.error, TypeError):
                self._fail(place, "must be a regular expression for `matches`")
        elif comparison == "is":
            if not isinstance(value, bool | str):
                self._fail(place, "must be true, false or a text for `is`")
        else:
            value = self._read_number(place, value, Decimal("-1e9"), Decimal("1e9"))
        names = tuple(match[3].lstrip(".").split("."))
        return match[1] or CARD, Condition(raw["field"], names, comparison, value)

    def _read_number(self, key: str, value: Any, least: Decimal, most: Decimal) -> Decimal:
        number = Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None
        if number is None or not number.is_finite() or not least <= number <= most:
            self._fail(key, f"is {value!s}: it must be a number from {least} to {most}")
        return number

    def _read_list(self, raw: Mapping[str, Any], key: str) -> list[Any]:
        if not isinstance(raw[key], list):
            self._fail(key, "must be a list")
        return list(raw[key])

    def _fail(self, key: str, problem: str) -> NoReturn:
        raise ConfigurationError(f"{self._name}: {key} {problem}.")
