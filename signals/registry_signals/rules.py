"""Rules of the registry signals: S1 from the versions of a record, S7 from the design in the latest one."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from ncfd_site.ingest.records import InvalidRecord
from ncfd_site.ingest.text import parse_partial_date
from signals.loading.codes import normalize_code
from signals.registry_signals.single_arm import explain_extension, explain_necessity
from signals.scoring.statements import REGISTRY_SOURCE

FIRED, NOT_FIRED, NOT_EVALUATED = "fired", "not fired", "not evaluated"
# Version of the rules below: in the metadata of signals and in `evaluated_by`. Change it with the rules.
RULE = "2026-12"

# Enrollment is over in CLOSED states and not yet over in OPEN ones; other states are ambiguous.
CLOSED = ("ACTIVE_NOT_RECRUITING", "COMPLETED")
OPEN = ("NOT_YET_RECRUITING", "RECRUITING", "ENROLLING_BY_INVITATION")
# A change less than this before the primary completion date, or after it, has high severity.
LATE_PERIOD = timedelta(days=365)
MAX_QUOTE_LENGTH = 600
_TIME_FRAME = re.compile(r"\s*\[[^\[\]]*\]\s*$")


@dataclass(frozen=True, slots=True)
class RecordVersion:
    """A captured version of a record; None is not stated."""

    number: int
    captured_at: datetime
    posted: date | None
    changed: bool | None
    endpoint: str | None
    status: Any
    design: Any
    about: Mapping[str, Any] = field(default_factory=dict)
    is_current: bool = False

    @property
    def public_at(self) -> datetime:
        """Time of publication: the stated date, but not after the capture."""
        posted = None if self.posted is None else datetime.combine(self.posted, time(), UTC)
        return posted if posted is not None and posted <= self.captured_at else self.captured_at

    @property
    def overall(self) -> str:
        """Overall status; empty if not stated."""
        return normalize_code(_get_text(self.status, "overallStatus"))

    @property
    def is_closed(self) -> bool | None:
        """True if enrollment is over; None if the status does not show it."""
        return True if self.overall in CLOSED else False if self.overall in OPEN else None

    @property
    def allocation(self) -> str:
        """Allocation to arms; empty if not stated."""
        return normalize_code(_get_text(self._design_info, "allocation"))

    @property
    def model(self) -> str:
        """Intervention model; empty if not stated."""
        return normalize_code(_get_text(self._design_info, "interventionModel"))

    @property
    def purpose(self) -> str:
        """Primary purpose; empty if not stated."""
        return normalize_code(_get_text(self._design_info, "primaryPurpose"))

    @property
    def has_single_arm(self) -> bool:
        """True if the design is a single group without allocation. Sources can fill in "NA" where nothing is stated."""
        return self.model == "SINGLE_GROUP" and self.allocation in ("NA", "NON_RANDOMIZED")

    @property
    def completion(self) -> date | None:
        """Primary completion date."""
        stated = self.status.get("primaryCompletionDateStruct") if isinstance(self.status, dict) else None
        try:
            return parse_partial_date(_get_text(stated, "date"), "date")
        except InvalidRecord:
            return None

    @property
    def _design_info(self) -> Any:
        return self.design.get("designInfo") if isinstance(self.design, dict) else None


@dataclass(frozen=True, slots=True)
class SignalFinding:
    """Result of evaluating one signal for one trial; the last four fields belong to a fired signal."""

    code: str
    outcome: str
    reason: str
    evidence: dict[str, Any] = field(default_factory=dict)
    severity: str = ""
    quote: str = ""
    fired_at: datetime | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Change:
    before: RecordVersion
    after: RecordVersion
    is_late: bool
    severity: str
    circumstance: str


def evaluate_endpoint_change(versions: Sequence[RecordVersion], *, freeze: datetime | None = None) -> SignalFinding:
    """Evaluate S1: it fires if a version states other primary outcomes than the version before it that states any.

    H: published in the year before the primary completion date or later, or after enrollment closed. L: only time
    frames differ. M: any other. Spelling and order do not count. The worst of several changes is reported, the first
    of equal ones; changes after the feature freeze, which do not count, only if there is no other.
    """
    evidence = {"trial_version_ids": [version.number for version in versions]}
    if not versions:
        return SignalFinding("S1", NOT_EVALUATED, "No record version is stored.", evidence)
    if len(versions) == 1:
        return SignalFinding("S1", NOT_EVALUATED, "Only one record version is stored.", evidence)
    stating = sum(version.endpoint is not None for version in versions)
    if stating < 2 and not any(version.changed for version in versions[1:]):
        reason = "Fewer than two record versions state a primary endpoint."
        return SignalFinding("S1", NOT_EVALUATED, reason, evidence)
    changes = [
        _Change(before, after, freeze is not None and after.public_at > freeze, *_assess_change(before, after))
        for before, after in _iter_pairs(versions)
        if _is_endpoint_changed(before, after)
    ]
    if not changes:
        return SignalFinding("S1", NOT_FIRED, f"{stating} record versions state the same primary endpoint.", evidence)
    worst = min(
        changes,
        key=lambda one: (one.is_late, not one.before.is_closed, "HML".index(one.severity), one.after.captured_at),
    )
    return _build_endpoint_finding(worst, changes, evidence)


def evaluate_single_arm(versions: Sequence[RecordVersion], *, is_pivotal: bool) -> SignalFinding:
    """Evaluate S7: it fires if the record of a pivotal phase 3 trial states a single group without allocation.

    The design is that of the current record, or else of the latest version that states one. An extension does not fire,
    and a single arm that may have no alternative needs a reviewer.
    `fired_at` is the publication of the first version since which the record states nothing else.
    """
    if not is_pivotal:
        return SignalFinding("S7", NOT_EVALUATED, "Not a pivotal phase 3 trial.")
    if not versions:
        return SignalFinding("S7", NOT_EVALUATED, "No record version is stored.")
    latest = _find_design(versions)
    allocation, model = latest.allocation, latest.model
    design = f"allocation {allocation or 'not stated'}, intervention model {model or 'not stated'}"
    evidence = {"trial_version_ids": [latest.number], "allocation": allocation or None, "model": model or None}
    if allocation == "RANDOMIZED" and model != "SINGLE_GROUP":
        return SignalFinding("S7", NOT_FIRED, f"The trial is randomized: {design}.", evidence)
    if latest.has_single_arm:
        about = {name: value for version in (*versions, latest) for name, value in version.about.items() if value}
        status = next((one.overall for one in (latest, *reversed(versions)) if one.overall), "")
        if reason := explain_extension(about, status):
            return SignalFinding("S7", NOT_FIRED, f"{reason}: {design}.", evidence)
        endpoint = next((one.endpoint for one in (latest, *reversed(versions)) if one.endpoint), None)
        if reason := explain_necessity(about, endpoint, latest.purpose):
            return SignalFinding("S7", NOT_EVALUATED, f"Needs a reviewer: {reason}; {design}.", evidence)
        first = _find_first_single_arm(versions, latest)
        return SignalFinding(
            "S7",
            FIRED,
            f"Single arm in a pivotal phase 3 trial: {design}.",
            evidence,
            severity="M",
            quote=f"The registry record states {design}.",
            fired_at=first.public_at,
            metadata={"source": REGISTRY_SOURCE, "rule": RULE, **evidence, "trial_version_ids": [first.number]},
        )
    if not allocation:
        reason = "The record does not state the allocation"
    elif allocation == "RANDOMIZED":
        reason = "The record is contradictory"
    elif not model:
        reason = "The record does not state the intervention model"
    else:
        reason = "The record does not show whether there is one arm"
    return SignalFinding("S7", NOT_EVALUATED, f"{reason}: {design}.", evidence)


def _find_design(versions: Sequence[RecordVersion]) -> RecordVersion:
    """Return the current version if it states a design, else the latest that does, else the latest of all."""
    latest_first = [*(version for version in versions if version.is_current), *reversed(versions)]
    return next((one for one in latest_first if one.allocation or one.model), latest_first[0])


def _find_first_single_arm(versions: Sequence[RecordVersion], latest: RecordVersion) -> RecordVersion:
    """Return the version since which every stated design is a single arm; `latest` has one."""
    first = latest
    for version in reversed(versions[: versions.index(latest) + 1]):
        if version.has_single_arm:
            first = version
        elif version.allocation or version.model:
            break
    return first


def _iter_pairs(versions: Sequence[RecordVersion]) -> Iterator[tuple[RecordVersion, RecordVersion]]:
    """Yield each version with its predecessor; versions without endpoint and change flag are no predecessors."""
    before = versions[0]
    for after in versions[1:]:
        yield before, after
        if after.endpoint is not None or after.changed:
            before = after


def _is_endpoint_changed(before: RecordVersion, after: RecordVersion) -> bool:
    if before.endpoint is not None and after.endpoint is not None:
        return after.changed is not False and _normalize(before.endpoint) != _normalize(after.endpoint)
    return after.changed is True


def _assess_change(before: RecordVersion, after: RecordVersion) -> tuple[str, str]:
    """Return the severity of a change, and its circumstance."""
    completion = before.completion or after.completion
    day = after.public_at.date()
    if before.is_closed:
        return "H", f"after enrollment closed (status {before.overall})"
    if completion is not None and day > completion:
        return "H", f"after the primary completion date, {completion}"
    if completion is not None and day >= completion - LATE_PERIOD:
        return "H", f"in the year before the primary completion date, {completion}"
    if before.endpoint and after.endpoint and _parse_measures(before.endpoint) == _parse_measures(after.endpoint):
        return "L", "in its time frame only"
    return "M", "during the trial"


def _build_endpoint_finding(change: _Change, changes: Sequence[_Change], evidence: dict[str, Any]) -> SignalFinding:
    before, after, count = change.before, change.after, len(changes)
    others = f"; {count} changes in total" if count > 1 else ""
    if not change.is_late and (late := sum(one.is_late for one in changes)):
        others += f", {late} after the feature freeze"
    metadata: dict[str, Any] = {
        "source": REGISTRY_SOURCE,
        "rule": RULE,
        "trial_version_ids": [before.number, after.number],
        "changes": count,
        "why": change.circumstance,
    }
    if before.is_closed is not None:
        metadata["after_last_patient_randomised"] = before.is_closed
    return SignalFinding(
        "S1",
        FIRED,
        f"The primary endpoint changed {change.circumstance}{others}.",
        {**evidence, "before": before.number, "after": after.number},
        severity=change.severity,
        quote=f"“{_shorten(before.endpoint)}” became “{_shorten(after.endpoint)}” on {after.public_at:%Y-%m-%d}.",
        fired_at=after.public_at,
        metadata=metadata,
    )


def _shorten(endpoint: str | None) -> str:
    text = "; ".join((endpoint or "not stated").splitlines())
    return text if len(text) <= MAX_QUOTE_LENGTH else f"{text[:MAX_QUOTE_LENGTH]}…"


def _normalize(endpoint: str) -> list[str]:
    """Return the outcomes without case, punctuation, spaces and order."""
    return sorted(" ".join(re.findall(r"[\w<>=≤≥%]+", line.casefold())) for line in endpoint.splitlines())


def _parse_measures(endpoint: str) -> list[str]:
    return _normalize("\n".join(_TIME_FRAME.sub("", line) for line in endpoint.splitlines()))


def _get_text(parent: Any, name: str) -> str:
    value = parent.get(name) if isinstance(parent, dict) else None
    return value.strip() if isinstance(value, str) else ""
