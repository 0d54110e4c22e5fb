"""Precision as JSON: the same values as on the pages."""

from datetime import datetime
from typing import Any

from linkaudit.charts import Line
from linkaudit.evidence import GATE
from linkaudit.precision.reports import Report, Verdicts
from linkaudit.precision.verdicts import Evidence, LookLine, PromotedWatch
from linkaudit.precision.windows import Window
from linkaudit.queries import MIN_LINKS, MIN_PRECISION, Precision
from linkaudit.sampling.queries import SampleProgress
from linkaudit.wilson import Interval

Json = dict[str, Any]


def verdicts_json(verdicts: Verdicts) -> Json:
    """One heuristic of a list."""
    return {
        **_counts(verdicts.standing),
        "policy": _policy(verdicts),
        "evidence": _evidence(verdicts.evidence),
        "promoted": _watch(verdicts.watch),
    }


def report_json(report: Report) -> Json:
    """One heuristic in full."""
    groups = report.breakdowns
    return {
        "as_of": report.as_of.isoformat(),
        "window": _window(report.window),
        **_counts(report.precision),
        "exact": _interval(report.exact),
        "exact_lower_bound": report.lower_bound,
        "policy": _policy(report.verdicts),
        "evidence": _evidence(report.verdicts.evidence),
        "promoted": _watch(report.verdicts.watch),
        "by_confidence": [_line(line) for line in groups.bands],
        "by_link_type": [_line(line) for line in groups.link_types],
        "by_month": [_line(line) for line in groups.months],
        "labels": [
            {
                "source": each.source or None,
                "mode": each.mode or None,
                "is_evidence": each.is_evidence,
                "correct": each.correct,
                "incorrect": each.incorrect,
            }
            for each in report.sources
        ],
        "samples": [_sample(progress) for progress in report.samples],
    }


def _counts(precision: Precision) -> Json:
    rate = precision.precision_rate
    return {
        "heuristic": precision.heuristic,
        "total_links": precision.total_links,
        "reviewed_links": precision.reviewed_links,
        "correct_links": precision.correct_links,
        "incorrect_links": precision.incorrect_links,
        "unreviewed_links": precision.unreviewed_links,
        "precision_rate": None if rate is None else float(rate),
        "wilson": _interval(precision.interval),
    }


def _policy(verdicts: Verdicts) -> Json:
    return {
        "passed": verdicts.standing.can_promote,
        "min_precision": float(MIN_PRECISION),
        "min_links": MIN_LINKS,
        "reviewed_links": verdicts.standing.reviewed_links,
        "correct_links": verdicts.standing.correct_links,
        "needs_more_right": verdicts.policy_needed,
    }


def _evidence(evidence: Evidence) -> Json:
    return {
        "passed": evidence.passed,
        "says": evidence.words,
        "sample_id": evidence.progress.sample.pk if evidence.progress else None,
        "needs_more_right": evidence.needed,
        "looks": [_look(line) for line in evidence.looks],
    }


def _look(line: LookLine) -> Json:
    return {
        "size": line.size,
        "state": line.state,
        "resolved": line.resolved,
        "wrong": line.mistakes,
        "most_wrong": line.allowed,
        "lower_bound": float(line.look.lower_bound) if line.look else None,
        "passed": line.look.passed if line.look else None,
        "analyzed_at": _moment(line.look.analyzed_at if line.look else None),
    }


def _watch(watch: PromotedWatch | None) -> Json | None:
    if watch is None:
        return None
    found = watch.progress.outcomes
    return {
        "flagged": watch.is_flagged,
        "sample_id": watch.progress.sample.pk,
        "resolved": found.resolved,
        "right": found.right,
        "upper_bound": watch.upper_bound,
        "gate": GATE,
    }


def _sample(progress: SampleProgress) -> Json:
    sample, found = progress.sample, progress.outcomes
    return {
        "sample_id": sample.pk,
        "purpose": sample.purpose,
        "size": sample.size,
        "population": sample.population,
        "second_share": float(sample.second_share),
        "seed": sample.seed,
        "drawn_by": sample.drawn_by,
        "drawn_at": _moment(sample.drawn_at),
        "closed_by": sample.closed_by,
        "closed_at": _moment(sample.closed_at),
        "resolved": found.resolved,
        "right": found.right,
        "wrong": found.wrong,
        "deleted": found.deleted,
        "waiting": found.waiting,
        "disputed": found.disputed,
        "moved": found.moved,
        "open": found.open,
    }


def _line(line: Line) -> Json:
    return {
        "name": line.name,
        "reviewed_links": line.reviewed,
        "correct_links": line.correct,
        "wilson": _interval(line.interval),
    }


def _window(window: Window) -> Json:
    return {"on": "created_at", "closed": "both ends", "from": _moment(window.start), "to": _moment(window.end)}


def _interval(interval: Interval | None) -> Json | None:
    return None if interval is None else {"low": interval.low, "high": interval.high}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
