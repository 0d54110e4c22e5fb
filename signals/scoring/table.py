"""The table by which trials are scored: `scoring_table.toml`, read and checked."""

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
from signals.formulas import (
    GATES,
    MAX_PRIOR,
    MAX_RATIO,
    MIN_PRIOR,
    MIN_RATIO,
    SEVERITIES,
    SIGNALS,
    Ratios,
)

PATH = Path(__file__).with_name("scoring_table.toml")
CARD = "card"
COMPARISONS = {"is": "==", "matches": "like_regex", "over": ">", "under": "<", "at_least": ">=", "at_most": "<="}
TEXTS = ("is", "matches")
_KEYS = {"version", "freeze_days", "stop_floor", "priors", "ratios", "stop_rule"}
_FIELD = re.compile(r"(?:signals\.(S[1-9])\.metadata|(card))((?:\.[A-Za-z_][A-Za-z0-9_]*)+)")


@dataclass(frozen=True, slots=True)
class Condition:
    """One field and what it is compared with; `names` lead to the field inside the metadata or the card."""

    field: str
    names: tuple[str, ...]
    comparison: str
    value: bool | str | Decimal

    @property
    def jsonpath(self) -> str:
        """The condition as a JSON path predicate of PostgreSQL; a text that is wholly a number counts as one."""
        place = "$" + "".join(f".{json.dumps(name)}" for name in self.names)
        if isinstance(self.value, Decimal):
            return f"{place}.double() {COMPARISONS[self.comparison]} {self.value}"
        return f"{place} {COMPARISONS[self.comparison]} {json.dumps(self.value, ensure_ascii=False)}"

    @property
    def words(self) -> str:
        """The condition as a person reads it."""
        shown = self.value if not isinstance(self.value, bool) else str(self.value).lower()
        return f"{self.field} {self.comparison.replace('_', ' ')} {shown}"


@dataclass(frozen=True, slots=True)
class Case:
    """Conditions that hold together: all of one signal's metadata (`source` S1 to S9) or of one card (`card`)."""

    source: str
    conditions: tuple[Condition, ...]

    @property
    def jsonpath(self) -> str:
        """All of them as one predicate. Strict: what stands in a list is no field, so no two items are put together."""
        return "strict " + " && ".join(f"({condition.jsonpath})" for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class StopRule:
    """What makes failure near certain, whatever the odds say: it holds where one of its cases does."""

    code: str
    says: str
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class ScoringTable:
    """Priors by phase, ratios by gate and severity, stop rules, and the version of all of it."""

    version: str
    freeze_days: int
    floor: Decimal
    priors: Mapping[str, Decimal]
    ratios: Ratios
    stop_rules: tuple[StopRule, ...]

    @property
    def rules(self) -> dict[str, StopRule]:
        """The stop rules by code."""
        return {rule.code: rule for rule in self.stop_rules}


@cache
def scoring_table() -> ScoringTable:
    """The table of this release. Raises `Misconfigured` where the file is not what it has to be."""
    return read_table(PATH)


def read_table(path: Path) -> ScoringTable:
    """Read a file of that form. Raises `Misconfigured` with the file, the key, and what to do."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    # Numbers that neither int nor Decimal can take, and brackets past all depth, come from below the parser.
    except (OSError, ValueError, ArithmeticError, RecursionError) as error:
        raise ConfigurationError(f"{path.name} cannot be read: {_sentence(error)}. Mend the file.") from None
    return _Reader(path.name).table(raw)


def _sentence(error: Exception) -> str:
    said = str(error).strip().rstrip(".")
    return type(error).__name__ if not said or isinstance(error, ArithmeticError) else said


class _Reader:
    def __init__(self, name: str) -> None:
        self._name = name

    def table(self, raw: dict[str, Any]) -> ScoringTable:
        for key in sorted(raw.keys() ^ _KEYS):
            self._wrong(key, "is unknown: take it out" if key in raw else "is missing: add it")
        version, days = raw["version"], raw["freeze_days"]
        if not isinstance(version, str) or not version.strip():
            self._wrong("version", "has to be a text such as 2026-11")
        if not isinstance(days, int) or isinstance(days, bool) or not 0 <= days <= 365:
            self._wrong("freeze_days", "has to be a whole number of days from 0 to 365")
        rules = tuple(self._stop_rule(number, rule) for number, rule in enumerate(self._list(raw, "stop_rule"), 1))
        if len({rule.code for rule in rules}) < len(rules):
            self._wrong("stop_rule", "holds a code twice: each has its own")
        return ScoringTable(
            version=version,
            freeze_days=days,
            floor=self._number("stop_floor", raw["stop_floor"], Decimal(0), Decimal(1)),
            priors=self._priors(raw["priors"]),
            ratios=self._ratios(raw["ratios"]),
            stop_rules=rules,
        )

    def _priors(self, raw: Any) -> dict[str, Decimal]:
        if not isinstance(raw, dict) or not raw:
            self._wrong("priors", "has to give a number for each phase")
        return {phase: self._number(f"priors.{phase}", value, MIN_PRIOR, MAX_PRIOR) for phase, value in raw.items()}

    def _ratios(self, raw: Any) -> dict[str, dict[str, Decimal]]:
        if not isinstance(raw, dict) or raw.keys() != set(GATES):
            self._wrong("ratios", f"has to give a ratio for each of {', '.join(GATES)}, and for no other")
        found = {}
        for gate, value in sorted(raw.items()):
            by_severity = value if isinstance(value, dict) else dict.fromkeys(SEVERITIES, value)
            if by_severity.keys() != set(SEVERITIES):
                self._wrong(f"ratios.{gate}", f"has to be a number, or one for each of {', '.join(SEVERITIES)}")
            found[gate] = {
                severity: self._number(f"ratios.{gate}.{severity}", by_severity[severity], MIN_RATIO, MAX_RATIO)
                for severity in SEVERITIES
            }
        return found

    def _stop_rule(self, number: int, raw: Any) -> StopRule:
        key = f"stop_rule {number}"
        if not isinstance(raw, dict) or raw.keys() != {"code", "says", "when"}:
            self._wrong(key, "has to hold code, says and when, and nothing else")
        code, says = raw["code"], raw["says"]
        if not isinstance(code, str) or not re.fullmatch(r"[a-z_]+", code):
            self._wrong(f"{key}.code", "has to be a name of small letters and underscores")
        if not isinstance(says, str) or not says.strip():
            self._wrong(f"{key}.says", "has to say in words what the rule means")
        return StopRule(code, says, tuple(self._case(f"{key}.when", one) for one in self._list(raw, "when")))

    def _case(self, key: str, raw: Any) -> Case:
        if not isinstance(raw, dict) or raw.keys() != {"all"}:
            self._wrong(key, "has to hold a list `all`, and nothing else")
        found = [self._condition(key, one) for one in self._list(raw, "all")]
        if not found or len({source for source, _ in found}) > 1:
            self._wrong(key, "has to hold conditions of one signal or of one card: split it into several `when`")
        return Case(found[0][0], tuple(condition for _, condition in found))

    def _condition(self, key: str, raw: Any) -> tuple[str, Condition]:
        given = [name for name in COMPARISONS if isinstance(raw, dict) and name in raw]
        if len(given) != 1 or raw.keys() != {"field", given[0]}:
            self._wrong(key, f"holds a condition that is not `field` and one of {', '.join(COMPARISONS)}")
        match = _FIELD.fullmatch(str(raw["field"]))
        if match is None or (match[1] and match[1] not in SIGNALS):
            self._wrong(key, f"names the field {raw['field']!r}: write signals.S1.metadata.NAME or card.NAME")
        value = raw[given[0]]
        where = f"{key}.{raw['field']}"
        if given[0] not in TEXTS:
            value = self._number(where, value, Decimal("-1e9"), Decimal("1e9"))
        elif given[0] == "matches":
            self._pattern(where, value)
        elif not isinstance(value, bool | str):
            self._wrong(where, "has to be true, false or a text where `is` compares it")
        names = tuple(match[3].lstrip(".").split("."))
        return match[1] or CARD, Condition(raw["field"], names, given[0], value)

    def _pattern(self, key: str, value: Any) -> None:
        try:
            re.compile(value)
        except (re.error, TypeError):
            self._wrong(key, "has to be a regular expression where `matches` compares it")

    def _number(self, key: str, value: Any, least: Decimal, most: Decimal) -> Decimal:
        number = Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None
        if number is None or not number.is_finite() or not least <= number <= most:
            self._wrong(key, f"is {value!s}: it has to be a number from {least} to {most}")
        return number

    def _list(self, raw: Mapping[str, Any], key: str) -> list[Any]:
        if not isinstance(raw[key], list):
            self._wrong(key, "has to be a list")
        return list(raw[key])

    def _wrong(self, key: str, what: str) -> NoReturn:
        raise ConfigurationError(f"{self._name}: {key} {what}.")
