"""What is known of every trial at a moment, brought into a temporary table by one statement: one snapshot."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import DataError, transaction

from ncfd_site.config.errors import ConfigurationError
from ncfd_site.core import sql
from signals.scoring.table import CARD, PATH, ScoringTable

# What the parts of a signature stand in, in this order; the phase is last, since it may hold any character.
PARTS = ("counted", "late", "not_fired", "stops", "phase")
SEPARATOR = "|"
# In the metadata of signals that the registry rules fire.
REGISTRY_SOURCE = "registry record"

_TRIALS_NOW = "SELECT trial_id, phase, est_primary_completion_date AS readout FROM trials"

# A record that does not state a field leaves what an earlier one stated, as the loader has it.
_TRIALS_BEFORE = r"""
SELECT trial_id,
       (array_agg(phase ORDER BY captured_at DESC, trial_version_id DESC) FILTER (WHERE phase IS NOT NULL))[1] AS phase,
       (array_agg(readout ORDER BY captured_at DESC, trial_version_id DESC)
            FILTER (WHERE readout IS NOT NULL))[1] AS readout
FROM (
    SELECT v.trial_id, v.captured_at, v.trial_version_id, stated.phase,
           CASE WHEN said.parts IS NOT NULL AND coalesce(said.parts[3]::int, 1) <= extract(
                    day FROM make_date(said.parts[1]::int, coalesce(said.parts[2], '1')::int, 1)
                             + interval '1 month' - interval '1 day')
                THEN make_date(said.parts[1]::int, coalesce(said.parts[2], '1')::int, coalesce(said.parts[3], '1')::int)
           END AS readout
    FROM trial_versions v
    CROSS JOIN LATERAL (
        SELECT nullif(array_to_string(ARRAY(SELECT jsonb_array_elements_text(
                   CASE WHEN jsonb_typeof(v.raw_jsonb #> '{protocolSection,designModule,phases}') = 'array'
                        THEN v.raw_jsonb #> '{protocolSection,designModule,phases}' END)), '/'), '') AS phase,
               v.raw_jsonb #>> '{protocolSection,statusModule,primaryCompletionDateStruct,date}' AS day
    ) stated
    CROSS JOIN LATERAL (
        SELECT regexp_match(btrim(stated.day),
               '^((?:19|20)\d\d|2100)(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01])(?:T.*)?)?)?$') AS parts
    ) said
    WHERE v.captured_at < %(moment)s
) versions
GROUP BY trial_id
"""

# A change of the record may be public before it is captured: until then nobody here knew of it.
_READ_BEFORE = f"""
      AND NOT (s.metadata @> '{{"source": "{REGISTRY_SOURCE}"}}' AND EXISTS (
              SELECT FROM trial_versions v WHERE v.trial_id = s.trial_id AND v.captured_at >= %(moment)s
              AND s.metadata -> 'trial_version_ids' @> to_jsonb(v.trial_version_id)))
"""

# A readout out of the years that a calendar has is a slip of somebody's pen: nothing freezes by it.
_GATHER = """
CREATE TEMPORARY TABLE scoring_input ON COMMIT DROP AS
WITH known AS ({trials}),
trial AS (
    SELECT trial_id, phase, CASE WHEN readout BETWEEN '0100-01-01' AND '9999-12-31'
                                 THEN (readout - %(freeze_days)s::int)::timestamp AT TIME ZONE 'UTC' END AS freeze
    FROM known
),
fired AS (
    SELECT s.trial_id,
           string_agg(s."S_id" || s.severity, ' ' ORDER BY s."S_id") FILTER (WHERE counts.yes) AS counted,
           string_agg(s."S_id", ' ' ORDER BY s."S_id") FILTER (WHERE NOT counts.yes) AS late,
           {stops_of_signals} AS stops
    FROM signals s JOIN trial t ON t.trial_id = s.trial_id
    CROSS JOIN LATERAL (SELECT s.fired_at <= coalesce(t.freeze, 'infinity') AS yes) counts
    WHERE s.fired_at < %(moment)s{read_before}
    GROUP BY s.trial_id
),
evaluated AS (
    SELECT trial_id, string_agg(s_id, ' ' ORDER BY s_id) AS not_fired
    FROM (SELECT DISTINCT ON (trial_id, s_id) trial_id, s_id, outcome FROM signal_evaluations
          WHERE evaluated_at < %(moment)s ORDER BY trial_id, s_id, evaluated_at DESC) latest
    WHERE outcome = 'not fired'
    GROUP BY trial_id
),
card AS (
    SELECT s.trial_id, {stops_of_cards} AS stops
    FROM studies s JOIN trial t ON t.trial_id = s.trial_id
    WHERE s.updated_at < %(moment)s AND s.updated_at <= coalesce(t.freeze, 'infinity')
    GROUP BY s.trial_id
)
SELECT t.trial_id::integer AS trial_id,
       CASE WHEN t.freeze <= %(moment)s THEN t.freeze END AS frozen_at,
       concat_ws('|', coalesce(f.counted, ''), coalesce(f.late, ''), coalesce(e.not_fired, ''),
                 array_to_string(ARRAY(SELECT rule FROM unnest(f.stops || c.stops) AS held (rule)
                                       WHERE rule IS NOT NULL GROUP BY rule ORDER BY rule), ' '),
                 coalesce(t.phase, '')) AS signature
FROM trial t
LEFT JOIN fired f ON f.trial_id = t.trial_id
LEFT JOIN evaluated e ON e.trial_id = t.trial_id
LEFT JOIN card c ON c.trial_id = t.trial_id
"""

SIGNATURES = "SELECT signature, count(*) AS trials FROM scoring_input GROUP BY signature ORDER BY signature"

_LEFT_OUT = """
SELECT count(*) FROM trials t WHERE NOT EXISTS (SELECT FROM scoring_input i WHERE i.trial_id = t.trial_id)
"""


@dataclass(frozen=True, slots=True)
class InputGroup:
    """A signature, and how many trials have it."""

    signature: str
    trials: int


@dataclass(frozen=True, slots=True)
class ScoreInputs:
    """All that decides a score: what many trials have in common. Counted signals map to their severity."""

    phase: str
    counted: Mapping[str, str]
    late: tuple[str, ...]
    not_fired: tuple[str, ...]
    stops: tuple[str, ...]


def load_inputs(table: ScoringTable, moment: datetime, *, as_of: bool) -> list[InputGroup]:
    """Fill `scoring_input` (trial_id, frozen_at, signature), and return the distinct signatures.

    What became known before `moment` is in it. With `as_of`, phase and readout are those that the versions of the
    record captured before it state, and trials without one are left out. Raises `Misconfigured` where the database
    cannot read a pattern of the table.
    """
    values: dict[str, Any] = {"moment": moment, "freeze_days": table.freeze_days}
    query = _GATHER.format(
        trials=_TRIALS_BEFORE if as_of else _TRIALS_NOW,
        read_before=_READ_BEFORE if as_of else "",
        stops_of_signals=_stops(table, values, cards=False),
        stops_of_cards=_stops(table, values, cards=True),
    )
    sql.execute("DROP TABLE IF EXISTS pg_temp.scoring_input")
    try:
        with transaction.atomic():
            sql.execute(query, values)
    except DataError:
        _require_patterns(table)
        raise
    sql.execute("ANALYZE scoring_input")
    return sql.rows(SIGNATURES, of=InputGroup)


def count_excluded_trials() -> int:
    """How many trials are not in `scoring_input`."""
    return int(sql.value(_LEFT_OUT))


def _require_patterns(table: ScoringTable) -> None:
    """Raise `Misconfigured` for the first pattern that PostgreSQL's regular expressions do not know."""
    for rule in table.stop_rules:
        for condition in (condition for case in rule.cases for condition in case.conditions):
            try:
                with transaction.atomic():
                    sql.execute("SELECT %s::jsonpath", [condition.jsonpath])
            except DataError as error:
                said = str(error).splitlines()[0]
                raise ConfigurationError(
                    f"{PATH.name}: stop_rule {rule.code} compares {condition.field} with {condition.value!r}, which"
                    f" PostgreSQL cannot read ({said}): write it otherwise."
                ) from None


def parse_inputs(text: str) -> ScoreInputs:
    """The parts of a signature."""
    counted, late, not_fired, stops, phase = text.split(SEPARATOR, len(PARTS) - 1)
    severities = {code[:-1]: code[-1] for code in counted.split()}
    later = tuple(late.split())
    fired = {*severities, *later}
    return ScoreInputs(
        phase=phase,
        counted=severities,
        late=later,
        not_fired=tuple(code for code in not_fired.split() if code not in fired),
        stops=tuple(stops.split()),
    )


def _stops(table: ScoringTable, values: dict[str, Any], *, cards: bool) -> str:
    """An array of the codes of the rules that hold; adds what it compares with to `values`."""
    found = []
    for rule in table.stop_rules:
        for case in rule.cases:
            if (case.source == CARD) != cards:
                continue
            name = f"stop_{len(values)}"
            values |= {name: case.jsonpath, f"{name}_code": rule.code, f"{name}_source": case.source}
            holds = f"s.extracted_jsonb @@ %({name})s::jsonpath"
            if not cards:
                holds = f'counts.yes AND s."S_id" = %({name}_source)s AND s.metadata @@ %({name})s::jsonpath'
            found.append(f"CASE WHEN bool_or({holds}) THEN %({name}_code)s END")
    return f"ARRAY[{', '.join(found)}]::text[]"
