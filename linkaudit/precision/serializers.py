"""The assessment of and the report on a heuristic as JSON, with the same values as the pages."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from linkaudit.intervals import Interval
from linkaudit.precision.breakdowns import Line
from linkaudit.precision.reports import AnalysisRow, Assessment, PromotedCheck, Report
from linkaudit.queries import MIN_LINKS, MIN_PRECISION, PrecisionCounts
from linkaudit.sampling.interim_analysis import REQUIRED_PRECISION
from linkaudit.sampling.queries import SampleProgress
from ncfd_site.api.operations import pick

Json = dict[str, Any]


def serialize_assessment(assessment: Assessment) -> Json:
    """Return the precision of a heuristic, its promotion rule, sample evidence and promoted links as JSON."""
    status, evidence = assessment.status, assessment.evidence
    return {
        **_serialize_precision(status),
        "promotion_rule": {
            "passed": status.can_promote,
            "min_precision": float(MIN_PRECISION),
            "min_links": MIN_LINKS,
            **pick(status, "reviewed_links correct_links needed_links"),
        },
        "sample_evidence": {
            "passed": evidence.is_proven,
            "summary": evidence.summary,
            "sample_id": evidence.progress.sample.pk if evidence.progress else None,
            "needed_links": evidence.needed,
            "interim_analyses": [_serialize_analysis(row) for row in evidence.rows],
        },
        "promoted": _serialize_check(assessment.promoted) if assessment.promoted else None,
    }


def serialize_report(report: Report) -> Json:
    """Return the report on a heuristic as JSON: the assessment, with window, breakdowns and samples."""
    groups, window = report.breakdowns, report.window
    return {
        "as_of": report.as_of.isoformat(),
        "window": {
            "on": "created_at",
            "closed": "both ends",
            "from": _format_moment(window.start),
            "to": _format_moment(window.end),
        },
        **serialize_assessment(report.assessment),
        **_serialize_precision(report.precision),
        "exact": _serialize_interval(report.exact),
        "exact_lower_bound": report.lower_bound,
        "by_confidence": [_serialize_line(line) for line in groups.bands],
        "by_link_type": [_serialize_line(line) for line in groups.link_types],
        "by_month": [_serialize_line(line) for line in groups.months],
        "labels": [
            {**asdict(each), "source": each.source or None, "mode": each.mode or None} for each in groups.sources
        ],
        "samples": [_serialize_sample(progress) for progress in report.samples],
    }


def _serialize_precision(precision: PrecisionCounts) -> Json:
    counts = asdict(precision)
    counts.pop("can_promote", None)
    rate = precision.precision_rate
    return {
        **counts,
        "precision_rate": None if rate is None else float(rate),
        "wilson": _serialize_interval(precision.interval),
    }


def _serialize_analysis(row: AnalysisRow) -> Json:
    return {
        **pick(row, "size state resolved error_count max_errors"),
        "lower_bound": float(row.analysis.lower_bound) if row.analysis else None,
        "passed": row.analysis.passed if row.analysis else None,
        "analyzed_at": _format_moment(row.analysis.analyzed_at if row.analysis else None),
    }


def _serialize_check(check: PromotedCheck) -> Json:
    outcomes = check.progress.outcomes
    return {
        "flagged": check.is_flagged,
        "sample_id": check.progress.sample.pk,
        "resolved": outcomes.resolved,
        "right": outcomes.right,
        "upper_bound": check.upper_bound,
        "required_precision": REQUIRED_PRECISION,
    }


def _serialize_sample(progress: SampleProgress) -> Json:
    sample, outcomes = progress.sample, progress.outcomes
    return {
        **pick(sample, "sample_id purpose size population seed drawn_by closed_by"),
        "second_share": float(sample.second_share),
        "drawn_at": _format_moment(sample.drawn_at),
        "closed_at": _format_moment(sample.closed_at),
        "resolved": outcomes.resolved,
        **asdict(outcomes),
    }


def _serialize_line(line: Line) -> Json:
    return {
        "name": line.name,
        "reviewed_links": line.reviewed,
        "correct_links": line.correct,
        "wilson": _serialize_interval(line.interval),
    }


def _serialize_interval(interval: Interval | None) -> Json | None:
    return None if interval is None else asdict(interval)


def _format_moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
