"""Evaluate what the registry alone decides for every trial, and write what came to something else than before."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db import transaction

from ncfd_site.core import sql
from ncfd_site.core.progress import NullReporter, ProgressReporter, track
from ncfd_site.ingest.staging import Stage, json_text
from signals.registry_signals.rules import (
    RULE,
    RecordVersion,
    SignalFinding,
    evaluate_endpoint_change,
    evaluate_single_arm,
)
from signals.scoring.inputs import REGISTRY_SOURCE
from signals.scoring.run import RunInProgressError
from signals.scoring.table import scoring_table

LOCK = 7_243_951_062
# Trials whose versions are in memory at once.
BATCH = 2_000
EVALUATED_BY = f"fire_registry_signals, rule {RULE}"


STAGE = Stage(
    "registry_findings",
    {
        "trial_id": "integer",
        "s_id": "text",
        "outcome": "text",
        "reason": "text",
        "evidence": "jsonb",
        "severity": "text",
        "quote": "text",
        "fired_at": "timestamptz",
        "metadata": "jsonb",
    },
)
_NEXT = """
SELECT array_agg(trial_id ORDER BY trial_id)
FROM (SELECT trial_id FROM trials WHERE trial_id > %s ORDER BY trial_id LIMIT %s) t
"""
_READ = """
SELECT t.trial_id, t.is_pivotal AND t.phase LIKE '%%PHASE3%%' AS pivotal,
       CASE WHEN t.est_primary_completion_date BETWEEN '0100-01-01' AND '9999-12-31'
            THEN (t.est_primary_completion_date - %s::int)::timestamp AT TIME ZONE 'UTC' END AS freeze,
       v.trial_version_id AS number, v.captured_at,
       v.last_update_posted_date AS posted, v.changed_primary_endpoint AS changed, v.primary_endpoint_text AS endpoint,
       v.raw_jsonb #> '{protocolSection,statusModule}' AS status,
       v.raw_jsonb #> '{protocolSection,designModule}' AS design
FROM trials t LEFT JOIN trial_versions v ON v.trial_id = t.trial_id AND v.captured_at < %s
WHERE t.trial_id = ANY(%s)
ORDER BY t.trial_id, v.captured_at, v.trial_version_id
"""
# What a pipeline wrote stays.
_OURS = f'metadata @> \'{{"source": "{REGISTRY_SOURCE}"}}\''
_FIRE = f"""
INSERT INTO signals AS s (trial_id, "S_id", severity, evidence_span, fired_at, metadata)
SELECT trial_id, s_id, severity, quote, fired_at, metadata FROM registry_findings WHERE outcome = 'fired'
ORDER BY trial_id, s_id
ON CONFLICT (trial_id, "S_id") DO UPDATE SET
    severity = excluded.severity, evidence_span = excluded.evidence_span, fired_at = excluded.fired_at,
    metadata = excluded.metadata
WHERE s.{_OURS} AND (s.severity, s.evidence_span, s.fired_at, s.metadata) IS DISTINCT FROM
      (excluded.severity, excluded.evidence_span, excluded.fired_at, excluded.metadata)

"""  # noqa: S608 (put together from constants)
_TAKE_BACK = f"""
DELETE FROM signals s USING registry_findings f
WHERE s.trial_id = f.trial_id AND s."S_id" = f.s_id AND f.outcome <> 'fired' AND s.{_OURS}
"""  # noqa: S608
_EVALUATE = """
INSERT INTO signal_evaluations (trial_id, s_id, outcome, reason, evidence, evaluated_at, evaluated_by)
SELECT f.trial_id, f.s_id, f.outcome, f.reason, f.evidence, %(moment)s, %(by)s
FROM registry_findings f
LEFT JOIN LATERAL (
    SELECT e.outcome, e.reason FROM signal_evaluations e WHERE e.trial_id = f.trial_id AND e.s_id = f.s_id
    ORDER BY e.evaluated_at DESC LIMIT 1
) latest ON true
WHERE (latest.outcome, latest.reason) IS DISTINCT FROM (f.outcome, f.reason)
ORDER BY f.trial_id, f.s_id
"""


@dataclass
class EvaluationSummary:
    """What a run did; `outcomes` counts trials by signal and outcome."""

    trials: int = 0
    written: int = 0
    taken_back: int = 0
    evaluations: int = 0
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Row:
    trial_id: int
    pivotal: bool | None
    freeze: datetime | None
    number: int | None
    captured_at: datetime
    posted: Any
    changed: bool | None
    endpoint: str | None
    status: str | None
    design: str | None


def evaluate_registry_signals(
    *, moment: datetime | None = None, dry_run: bool = False, reporter: ProgressReporter | None = None
) -> EvaluationSummary:
    """Evaluate S1 and S7 for every trial, from the versions captured before `moment` (now).

    In one transaction. What a pipeline wrote as a signal stays; what this wrote before is changed, or taken back
    where the record no longer shows it. Raises `Busy` while another one is at work.
    """
    done = EvaluationSummary()
    with transaction.atomic():
        if not sql.value("SELECT pg_try_advisory_xact_lock(%s)", [LOCK]):
            raise RunInProgressError(
                "Another fire_registry_signals is at work on this database: wait until it has ended."
            )
        moment = moment or sql.value("SELECT clock_timestamp()")
        batches = -(-sql.value("SELECT count(*) FROM trials") // BATCH)
        reporter = reporter or NullReporter()
        for trials in track(_batches(), reporter, "Evaluating", unit="batches of trials", total=batches):
            done.trials += len(trials)
            _write(trials, moment, done)
        if dry_run:
            transaction.set_rollback(True)
    return done


def _batches() -> Iterator[list[int]]:
    last = 0
    while trials := sql.value(_NEXT, [last, BATCH]):
        last = trials[-1]
        yield trials


def _write(trials: list[int], moment: datetime, done: EvaluationSummary) -> None:
    days = scoring_table().freeze_days
    found = list(_findings(sql.rows(_READ, [days, moment, trials], of=_Row)))
    done.outcomes.update((finding.code, finding.outcome) for _, finding in found)
    STAGE.fill(_staged(trial_id, finding) for trial_id, finding in found)
    STAGE.index()
    done.written += sql.execute(_FIRE)
    done.taken_back += sql.execute(_TAKE_BACK)
    done.evaluations += sql.execute(_EVALUATE, {"moment": moment, "by": EVALUATED_BY})


def _findings(rows: Iterable[_Row]) -> Iterator[tuple[int, SignalFinding]]:
    for trial_id, group in groupby(rows, key=lambda row: row.trial_id):
        known = list(group)
        versions = [_version(row) for row in known if row.number is not None]
        yield trial_id, evaluate_endpoint_change(versions, freeze=known[0].freeze)
        yield trial_id, evaluate_single_arm(versions, pivotal=bool(known[0].pivotal))


def _version(row: _Row) -> RecordVersion:
    return RecordVersion(
        number=row.number or 0,
        captured_at=row.captured_at,
        posted=row.posted,
        changed=row.changed,
        endpoint=row.endpoint,
        status=_object(row.status),
        design=_object(row.design),
    )


def _object(text: str | None) -> Any:
    # Django's connections give jsonb as text.
    return None if text is None else json.loads(text)


def _staged(trial_id: int, finding: SignalFinding) -> tuple[Any, ...]:
    return (
        trial_id,
        finding.code,
        finding.outcome,
        finding.reason,
        json_text(finding.evidence),
        finding.severity or None,
        finding.quote or None,
        finding.fired_at,
        json_text(finding.metadata),
    )
