"""Inputs of the scores: everything known of each trial at a moment, read in one statement.

Thousands of trials have equal inputs. `scoring_input` holds one row for each trial with its inputs as text, `key`;
each distinct key is scored once.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import DataError, transaction

from ncfd_site.config.errors import ConfigurationError
from ncfd_site.core import sql
from signals.formulas import GATE_SIGNALS, gate_fires
from signals.scoring import statements
from signals.scoring.table import CARD, PATH, ScoringTable

# Parts of a key: fired signals, late signals, signals that did not fire, stop rules, phase. The phase is last: it may
# contain any character.
SEPARATOR, PART_COUNT = "|", 5


@dataclass(frozen=True, slots=True)
class InputGroup:
    """The number of trials with a key."""

    key: str
    trial_count: int


@dataclass(frozen=True, slots=True)
class ScoreInputs:
    """Everything that determines a score. `severities` are those of the fired signals before the freeze."""

    phase: str
    severities: Mapping[str, str]
    late: tuple[str, ...]
    not_fired: tuple[str, ...]
    stop_rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GateInputs:
    """Everything that determines a gate: its own signals only.

    `late` and `not_fired` are empty for a gate that fires, because its rationale does not mention them.
    """

    code: str
    severities: tuple[tuple[str, str], ...]
    late: tuple[str, ...] = ()
    not_fired: tuple[str, ...] = ()

    @property
    def signals(self) -> dict[str, str]:
        """Severities of the fired signals by code."""
        return dict(self.severities)

    def as_metadata(self) -> dict[str, Any]:
        """Return the inputs as the metadata of a gate has them."""
        lists = {"late": list(self.late), "not_fired": list(self.not_fired)}
        return {"signals": self.signals, **{name: codes for name, codes in lists.items() if codes}}


def load_inputs(table: ScoringTable, moment: datetime, *, as_of: bool) -> list[InputGroup]:
    """Fill the temporary table `scoring_input` (trial_id, frozen_at, key) and return its groups.

    Uses only what became known before `moment`. With `as_of`, phase and readout come from the record versions captured
    before it, and trials without one are excluded. Raises ConfigurationError for a pattern that PostgreSQL cannot read.
    """
    values: dict[str, Any] = {"moment": moment, "freeze_days": table.freeze_days}
    query = statements.LOAD_INPUTS.format(
        trials=statements.TRIALS_BEFORE if as_of else statements.TRIALS_NOW,
        read_before=statements.CAPTURED_BEFORE if as_of else "",
        stops_of_signals=_build_stop_rules_sql(table, values, cards=False),
        stops_of_cards=_build_stop_rules_sql(table, values, cards=True),
    )
    sql.execute("DROP TABLE IF EXISTS pg_temp.scoring_input")
    try:
        with transaction.atomic():
            sql.execute(query, values)
    except DataError:
        _require_patterns(table)
        raise
    sql.execute("ANALYZE scoring_input")
    return sql.rows(statements.INPUT_GROUPS, of=InputGroup)


def count_excluded_trials() -> int:
    """Return the number of trials that are not in `scoring_input`."""
    return int(sql.value(statements.COUNT_EXCLUDED))


def parse_inputs(key: str) -> ScoreInputs:
    """Return the inputs that a key holds."""
    fired, late, not_fired, stop_rules, phase = key.split(SEPARATOR, PART_COUNT - 1)
    severities = {code[:-1]: code[-1] for code in fired.split()}
    known = {*severities, *late.split()}
    return ScoreInputs(
        phase=phase,
        severities=severities,
        late=tuple(late.split()),
        not_fired=tuple(code for code in not_fired.split() if code not in known),
        stop_rules=tuple(stop_rules.split()),
    )


def select_gate_inputs(
    code: str, severities: Mapping[str, str], late: Collection[str] = (), not_fired: Collection[str] = ()
) -> GateInputs:
    """Return what one gate uses of the signals of a trial."""
    codes = GATE_SIGNALS[code]
    own = tuple((signal, severities[signal]) for signal in codes if signal in severities)
    if gate_fires(code, severities.keys()):
        return GateInputs(code, own)
    return GateInputs(
        code,
        own,
        tuple(signal for signal in codes if signal in late),
        tuple(signal for signal in codes if signal in not_fired),
    )


def _require_patterns(table: ScoringTable) -> None:
    """Raise ConfigurationError for the first pattern that PostgreSQL cannot read."""
    for rule in table.stop_rules:
        for condition in (condition for case in rule.cases for condition in case.conditions):
            try:
                with transaction.atomic():
                    sql.execute("SELECT %s::jsonpath", [condition.jsonpath])
            except DataError as error:
                reason = str(error).splitlines()[0]
                raise ConfigurationError(
                    f"{PATH.name}: stop_rule {rule.code} compares {condition.field} with {condition.value!r}, which"
                    f" PostgreSQL cannot read ({reason}). Correct the pattern."
                ) from None


def _build_stop_rules_sql(table: ScoringTable, values: dict[str, Any], *, cards: bool) -> str:
    """Return the SQL array of the codes of rules that hold; add its parameters to `values`."""
    found = []
    for rule in table.stop_rules:
        for case in rule.cases:
            if (case.source == CARD) != cards:
                continue
            name = f"stop_{len(values)}"
            values |= {name: case.jsonpath, f"{name}_code": rule.code, f"{name}_source": case.source}
            holds = f"s.extracted_jsonb @@ %({name})s::jsonpath"
            if not cards:
                holds = f'is_before.freeze AND s."S_id" = %({name}_source)s AND s.metadata @@ %({name})s::jsonpath'
            found.append(f"CASE WHEN bool_or({holds}) THEN %({name}_code)s END")
    return f"ARRAY[{', '.join(found)}]::text[]"
