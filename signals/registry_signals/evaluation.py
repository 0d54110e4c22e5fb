"""Evaluation of the registry signals of all trials, written where a result changed."""

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
from ncfd_site.ingest.batches import Stage, dump_json
from signals.models.trials import VERSION_ORDER
from signals.registry_signals.rules import (
    RULE,
    RecordVersion,
    SignalFinding,
    evaluate_endpoint_change,
    evaluate_single_arm,
)
from signals.scoring.run import RunInProgressError
from signals.scoring.statements import REGISTRY_SOURCE
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
_NEXT_BATCH = """
SELECT array_agg(trial_id ORDER BY trial_id)
FROM (SELECT trial_id FROM trials WHERE trial_id > %s ORDER BY trial_id LIMIT %s) t
"""
_VERSIONS = f"""
SELECT t.trial_id, v.sha256 = t.current_sha256 AS is_current, t.is_pivotal AND t.phase LIKE '%%PHASE3%%' AS pivotal,
       CASE WHEN t.est_primary_completion_date BETWEEN '0100-01-01' AND '9999-12-31'
            THEN (t.est_primary_completion_date - %s::int)::timestamp AT TIME ZONE 'UTC' END AS freeze,
       v.trial_version_id AS number, v.captured_at,
       v.last_update_posted_date AS posted, v.changed_primary_endpoint AS changed, v.primary_endpoint_text AS endpoint,
       v.raw_jsonb #> '{{protocolSection,statusModule}}' AS status,
       v.raw_jsonb #> '{{protocolSection,designModule}}' AS design,
       CASE WHEN t.is_pivotal THEN jsonb_build_object(
           'title', concat_ws('; ', v.raw_jsonb #>> '{{protocolSection,identificationModule,briefTitle}}',
                              v.raw_jsonb #>> '{{protocolSection,identificationModule,officialTitle}}'),
           'conditions', v.raw_jsonb #> '{{protocolSection,conditionsModule,conditions}}',
           'interventions', jsonb_path_query_array(
               v.raw_jsonb, '$.protocolSection.armsInterventionsModule.interventions[*].name'),
           'types', jsonb_path_query_array(
               v.raw_jsonb, '$.protocolSection.armsInterventionsModule.interventions[*].type'),
           'ages', v.raw_jsonb #> '{{protocolSection,eligibilityModule,stdAges}}') END AS about
FROM trials t LEFT JOIN trial_versions v ON v.trial_id = t.trial_id AND v.captured_at < %s
WHERE t.trial_id = ANY(%s)
ORDER BY t.trial_id, {VERSION_ORDER}
"""  # noqa: S608 (constants of this module)
# Signals of other programs are kept.
_IS_OURS = f'metadata @> \'{{"source": "{REGISTRY_SOURCE}"}}\''
_MERGE_SIGNALS = f"""
INSERT INTO signals AS s (trial_id, "S_id", severity, evidence_span, fired_at, metadata)
SELECT trial_id, s_id, severity, quote, fired_at, metadata FROM registry_findings WHERE outcome = 'fired'
ORDER BY trial_id, s_id
ON CONFLICT (trial_id, "S_id") DO UPDATE SET
    severity = excluded.severity, evidence_span = excluded.evidence_span, fired_at = excluded.fired_at,
    metadata = excluded.metadata
WHERE s.{_IS_OURS} AND (s.severity, s.evidence_span, s.fired_at, s.metadata) IS DISTINCT FROM
      (excluded.severity, excluded.evidence_span, excluded.fired_at, excluded.metadata)
"""  # noqa: S608 (constants of this module)
_DELETE_SIGNALS = f"""
DELETE FROM signals s USING registry_findings f
WHERE s.trial_id = f.trial_id AND s."S_id" = f.s_id AND f.outcome <> 'fired' AND s.{_IS_OURS}
"""  # noqa: S608
_ADD_EVALUATIONS = """
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
    """Counts of a run; `outcomes` counts trials by signal and outcome."""

    trials: int = 0
    written: int = 0
    deleted: int = 0
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
    about: str | None
    is_current: bool | None


def evaluate_registry_signals(
    *, moment: datetime | None = None, dry_run: bool = False, reporter: ProgressReporter | None = None
) -> EvaluationSummary:
    """Evaluate S1 and S7 for every trial in one transaction, on the versions captured before `moment` (None: now).

    Own signals are updated, and deleted where the record no longer shows them; signals of pipelines are kept. Raises
    RunInProgressError.
    """
    summary = EvaluationSummary()
    reporter = reporter or NullReporter()
    with transaction.atomic():
        if not sql.value("SELECT pg_try_advisory_xact_lock(%s)", [LOCK]):
            raise RunInProgressError(
                "Another fire_registry_signals is running on this database. Wait until it has finished."
            )
        moment = moment or sql.value("SELECT clock_timestamp()")
        batches = -(-sql.value("SELECT count(*) FROM trials") // BATCH)
        for trials in track(_iter_trial_batches(), reporter, "Evaluating", unit="batches of trials", total=batches):
            summary.trials += len(trials)
            _evaluate_batch(trials, moment, summary)
        if dry_run:
            transaction.set_rollback(True)
    return summary


def _iter_trial_batches() -> Iterator[list[int]]:
    last = 0
    while trials := sql.value(_NEXT_BATCH, [last, BATCH]):
        last = trials[-1]
        yield trials


def _evaluate_batch(trials: list[int], moment: datetime, summary: EvaluationSummary) -> None:
    days = scoring_table().freeze_days
    findings = list(_evaluate_trials(sql.rows(_VERSIONS, [days, moment, trials], of=_Row)))
    summary.outcomes.update((finding.code, finding.outcome) for _, finding in findings)
    STAGE.fill(
        (
            trial_id,
            finding.code,
            finding.outcome,
            finding.reason,
            dump_json(finding.evidence),
            finding.severity or None,
            finding.quote or None,
            finding.fired_at,
            dump_json(finding.metadata),
        )
        for trial_id, finding in findings
    )
    STAGE.index()
    summary.written += sql.execute(_MERGE_SIGNALS)
    summary.deleted += sql.execute(_DELETE_SIGNALS)
    summary.evaluations += sql.execute(_ADD_EVALUATIONS, {"moment": moment, "by": EVALUATED_BY})


def _evaluate_trials(rows: Iterable[_Row]) -> Iterator[tuple[int, SignalFinding]]:
    for trial_id, group in groupby(rows, key=lambda row: row.trial_id):
        of_trial = list(group)
        versions = [_build_record_version(row) for row in of_trial if row.number is not None]
        yield trial_id, evaluate_endpoint_change(versions, freeze=of_trial[0].freeze)
        yield trial_id, evaluate_single_arm(versions, is_pivotal=bool(of_trial[0].pivotal))


def _build_record_version(row: _Row) -> RecordVersion:
    # Django's connections return jsonb as text.
    columns = (row.status, row.design, row.about)
    status, design, about = (None if text is None else json.loads(text) for text in columns)
    return RecordVersion(
        number=row.number or 0,
        captured_at=row.captured_at,
        posted=row.posted,
        changed=row.changed,
        endpoint=row.endpoint,
        status=status,
        design=design,
        about=about or {},
        is_current=bool(row.is_current),
    )
