"""What the registry alone decides: S1 from the versions of a record, S7 from the design that its latest one states."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from ncfd_site.ingest.dates import partial_date
from ncfd_site.ingest.records import InvalidRecord
from signals.scoring.inputs import REGISTRY_SOURCE

FIRED, NOT_FIRED, NOT_EVALUATED = "fired", "not fired", "not evaluated"
# Changes with the rules below; stands in the metadata of signals and in the name of who evaluated.
RULE = "2026-11"

# In these everybody has been enrolled; in those not yet. Other states do not tell.
CLOSED = ("ACTIVE_NOT_RECRUITING", "COMPLETED")
OPEN = ("NOT_YET_RECRUITING", "RECRUITING", "ENROLLING_BY_INVITATION")
# A change so shortly before the primary completion date, or after it, is of high severity.
LATE = timedelta(days=365)
LONGEST_QUOTE = 600
_FRAME = re.compile(r"\s*\[[^\[\]]*\]\s*$")


@dataclass(frozen=True, slots=True)
class RecordVersion:
    """One captured version of a record; None where it does not say."""

    number: int
    captured_at: datetime
    posted: date | None
    changed: bool | None
    endpoint: str | None
    status: Any
    design: Any

    @property
    def public_at(self) -> datetime:
        """When it became public: the day that it gives itself, unless it was captured before that."""
        posted = None if self.posted is None else datetime.combine(self.posted, time(), UTC)
        return posted if posted is not None and posted <= self.captured_at else self.captured_at

    @property
    def overall(self) -> str:
        """The overall status; empty where the record does not say."""
        return _text(self.status, "overallStatus")

    @property
    def allocation(self) -> str:
        """How people are allotted to arms; empty where the record does not say."""
        return _text(self._design_info, "allocation")

    @property
    def model(self) -> str:
        """The intervention model; empty where the record does not say."""
        return _text(self._design_info, "interventionModel")

    @property
    def has_single_arm(self) -> bool:
        """Whether the design is a single group that nobody is allotted to."""
        if self.model == "SINGLE_GROUP":
            return self.allocation in ("NA", "NON_RANDOMIZED")
        return not self.model and self.allocation == "NA"

    @property
    def _design_info(self) -> Any:
        return self.design.get("designInfo") if isinstance(self.design, dict) else None

    @property
    def completion(self) -> date | None:
        """The primary completion date."""
        stated = self.status.get("primaryCompletionDateStruct") if isinstance(self.status, dict) else None
        try:
            return partial_date(_text(stated, "date"), "date")
        except InvalidRecord:
            return None


@dataclass(frozen=True, slots=True)
class SignalFinding:
    """What evaluating one signal for one trial came to; the last four belong to a signal that fired."""

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
    severity: str
    closed: bool | None
    late: bool
    why: str


def evaluate_endpoint_change(versions: Sequence[RecordVersion], *, freeze: datetime | None = None) -> SignalFinding:
    """S1. Fires where a later version states other primary outcomes than the one before it that states any.

    H: it became public in the year before the primary completion date or later, or after enrolment had closed.
    L: only time frames differ. M: any other. Spelling and order alone are no change. Of several changes the worst is
    told, and the first of equal ones; those after the features froze only where there is no other, since they do not
    count.
    """
    seen = {"trial_version_ids": [version.number for version in versions]}
    if not versions:
        return SignalFinding("S1", NOT_EVALUATED, "No version of the record is kept.", seen)
    if len(versions) == 1:
        return SignalFinding("S1", NOT_EVALUATED, "Only one version of the record is known.", seen)
    stating = sum(version.endpoint is not None for version in versions)
    if stating < 2 and not any(one.changed for one in versions[1:]):
        return SignalFinding(
            "S1", NOT_EVALUATED, "Fewer than two versions of the record state a primary endpoint.", seen
        )
    changes = [_change(before, after, freeze) for before, after in _neighbours(versions) if _is_changed(before, after)]
    if not changes:
        return SignalFinding(
            "S1", NOT_FIRED, f"{stating} versions of the record state the same primary endpoint.", seen
        )
    worst = min(changes, key=lambda one: (one.late, not one.closed, "HML".index(one.severity), one.after.captured_at))
    return _s1(worst, changes, seen)


def evaluate_single_arm(versions: Sequence[RecordVersion], *, pivotal: bool) -> SignalFinding:
    """S7. Fires where the latest record of a pivotal phase 3 trial states a single group that nobody is allotted to.

    It fired when the record came to state that, and has stated nothing else since.
    """
    if not pivotal:
        return SignalFinding("S7", NOT_EVALUATED, "The trial is no pivotal phase 3 trial.")
    if not versions:
        return SignalFinding("S7", NOT_EVALUATED, "No version of the record is kept.")
    latest = versions[-1]
    allocation, model = latest.allocation, latest.model
    said = f"allocation {allocation or 'not stated'}, intervention model {model or 'not stated'}"
    seen = {"trial_version_ids": [latest.number], "allocation": allocation or None, "model": model or None}
    if allocation == "RANDOMIZED" and model != "SINGLE_GROUP":
        return SignalFinding("S7", NOT_FIRED, f"The trial is randomised: {said}.", seen)
    if latest.has_single_arm:
        first = _first_of_single_arm(versions)
        return SignalFinding(
            "S7",
            FIRED,
            f"A single arm in a pivotal phase 3 trial: {said}.",
            seen,
            severity="M",
            quote=f"The registry record states {said}.",
            fired_at=first.public_at,
            metadata={"source": REGISTRY_SOURCE, "rule": RULE, **seen, "trial_version_ids": [first.number]},
        )
    if not allocation:
        return SignalFinding("S7", NOT_EVALUATED, f"The record does not state the allocation: {said}.", seen)
    if allocation == "RANDOMIZED":
        return SignalFinding("S7", NOT_EVALUATED, f"The record contradicts itself: {said}.", seen)
    return SignalFinding("S7", NOT_EVALUATED, f"The record does not tell whether there is one arm: {said}.", seen)


def _first_of_single_arm(versions: Sequence[RecordVersion]) -> RecordVersion:
    """The first version from which on each one that states a design states a single arm; the last one does."""
    first = versions[-1]
    for version in reversed(versions):
        if version.has_single_arm:
            first = version
        elif version.allocation or version.model:
            break
    return first


def _neighbours(versions: Sequence[RecordVersion]) -> Iterator[tuple[RecordVersion, RecordVersion]]:
    """Each version with the one before it; one that states no endpoint, and no change of it, is passed over."""
    before = versions[0]
    for after in versions[1:]:
        yield before, after
        if after.endpoint is not None or after.changed:
            before = after


def _is_changed(before: RecordVersion, after: RecordVersion) -> bool:
    if before.endpoint is not None and after.endpoint is not None:
        return after.changed is not False and _plain(before.endpoint) != _plain(after.endpoint)
    return after.changed is True


def _change(before: RecordVersion, after: RecordVersion, freeze: datetime | None) -> _Change:
    severity, why = _weight(before, after)
    return _Change(before, after, severity, _is_closed(before), freeze is not None and after.public_at > freeze, why)


def _is_closed(before: RecordVersion) -> bool | None:
    return True if before.overall in CLOSED else False if before.overall in OPEN else None


def _weight(before: RecordVersion, after: RecordVersion) -> tuple[str, str]:
    """The severity of a change, and why."""
    completion = before.completion or after.completion
    day = after.public_at.date()
    if _is_closed(before):
        return "H", f"after enrolment had closed (status {before.overall})"
    if completion is not None and day > completion:
        return "H", f"after the primary completion date, {completion}"
    if completion is not None and day >= completion - LATE:
        return "H", f"in the year before the primary completion date, {completion}"
    if before.endpoint and after.endpoint and _measures(before.endpoint) == _measures(after.endpoint):
        return "L", "in its time frame only"
    return "M", "while the trial was under way"


def _s1(change: _Change, changes: Sequence[_Change], seen: dict[str, Any]) -> SignalFinding:
    before, after, count = change.before, change.after, len(changes)
    others = f"; {count} changes in all" if count > 1 else ""
    if not change.late and (late := sum(one.late for one in changes)):
        others += f", {late} of them after the features had frozen"
    metadata: dict[str, Any] = {
        "source": REGISTRY_SOURCE,
        "rule": RULE,
        "trial_version_ids": [before.number, after.number],
        "changes": count,
        "why": change.why,
    }
    if change.closed is not None:
        metadata["after_last_patient_randomised"] = change.closed
    return SignalFinding(
        "S1",
        FIRED,
        f"The primary endpoint changed {change.why}{others}.",
        {**seen, "before": before.number, "after": after.number},
        severity=change.severity,
        quote=f"“{_quoted(before.endpoint)}” became “{_quoted(after.endpoint)}” on {after.public_at:%Y-%m-%d}.",
        fired_at=after.public_at,
        metadata=metadata,
    )


def _quoted(endpoint: str | None) -> str:
    said = "; ".join((endpoint or "not stated").splitlines())
    return said if len(said) <= LONGEST_QUOTE else f"{said[:LONGEST_QUOTE]}…"


def _plain(endpoint: str) -> list[str]:
    """What is measured and when, without what is spelling: case, punctuation, blanks, and the order of outcomes."""
    return sorted(" ".join(re.findall(r"[\w<>=≤≥%]+", line.casefold())) for line in endpoint.splitlines())


def _measures(endpoint: str) -> list[str]:
    return _plain("\n".join(_FRAME.sub("", line) for line in endpoint.splitlines()))


def _text(parent: Any, name: str) -> str:
    value = parent.get(name) if isinstance(parent, dict) else None
    return value.strip() if isinstance(value, str) else ""
