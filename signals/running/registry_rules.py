"""What the registry alone decides: S1 from the versions of a record, S7 from the design that its latest one states."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from ncfd_site.ingest.dates import partial_date
from ncfd_site.ingest.items import Unfit

FIRED, NOT_FIRED, NOT_EVALUATED = "fired", "not fired", "not evaluated"
SOURCE = "registry record"
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
class Version:
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
    def completion(self) -> date | None:
        """The primary completion date."""
        stated = self.status.get("primaryCompletionDateStruct") if isinstance(self.status, dict) else None
        try:
            return partial_date(_text(stated, "date"), "date")
        except Unfit:
            return None


@dataclass(frozen=True, slots=True)
class Finding:
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
    before: Version
    after: Version
    severity: str
    closed: bool | None
    why: str


def endpoint_changed(versions: Sequence[Version]) -> Finding:
    """S1. Fires where a later version states other primary outcomes than the one before it.

    H: it became public in the year before the primary completion date or later, or after enrolment had closed.
    L: only time frames differ. M: any other. Spelling and order alone are no change. Of several changes the worst
    is told, and the first of equal ones.
    """
    seen = {"trial_version_ids": [version.number for version in versions]}
    if not versions:
        return Finding("S1", NOT_EVALUATED, "No version of the record is kept.", seen)
    if len(versions) == 1:
        return Finding("S1", NOT_EVALUATED, "Only one version of the record is known.", seen)
    if sum(version.endpoint is not None for version in versions) < 2 and not any(one.changed for one in versions[1:]):
        return Finding("S1", NOT_EVALUATED, "Fewer than two versions of the record state a primary endpoint.", seen)
    changes = [_change(before, after) for before, after in pairwise(versions) if _is_changed(before, after)]
    if not changes:
        said = f"{len(versions)} versions of the record state the same primary endpoint."
        return Finding("S1", NOT_FIRED, said, seen)
    worst = min(changes, key=lambda one: (not one.closed, "HML".index(one.severity), one.after.captured_at))
    return _s1(worst, len(changes), seen)


def single_arm(latest: Version | None, *, pivotal: bool) -> Finding:
    """S7. Fires where the latest record of a pivotal phase 3 trial states a single group that nobody is allotted to."""
    if not pivotal:
        return Finding("S7", NOT_EVALUATED, "The trial is no pivotal phase 3 trial.")
    if latest is None:
        return Finding("S7", NOT_EVALUATED, "No version of the record is kept.")
    info = latest.design.get("designInfo") if isinstance(latest.design, dict) else None
    allocation, model = _text(info, "allocation"), _text(info, "interventionModel")
    seen = {"trial_version_ids": [latest.number], "allocation": allocation or None, "model": model or None}
    said = f"allocation {allocation or 'not stated'}, intervention model {model or 'not stated'}"
    if allocation == "RANDOMIZED" and model != "SINGLE_GROUP":
        return Finding("S7", NOT_FIRED, f"The trial is randomised: {said}.", seen)
    if allocation in ("NA", "NON_RANDOMIZED") and (model == "SINGLE_GROUP" or (not model and allocation == "NA")):
        return Finding(
            "S7",
            FIRED,
            f"A single arm in a pivotal phase 3 trial: {said}.",
            seen,
            severity="M",
            quote=f"The registry record states {said}.",
            fired_at=latest.public_at,
            metadata={"source": SOURCE, "rule": RULE, **seen},
        )
    if not allocation:
        return Finding("S7", NOT_EVALUATED, f"The record does not state the allocation: {said}.", seen)
    if allocation == "RANDOMIZED":
        return Finding("S7", NOT_EVALUATED, f"The record contradicts itself: {said}.", seen)
    return Finding("S7", NOT_EVALUATED, f"The record does not tell whether there is one arm: {said}.", seen)


def _is_changed(before: Version, after: Version) -> bool:
    if before.endpoint is not None and after.endpoint is not None:
        return after.changed is not False and _plain(before.endpoint) != _plain(after.endpoint)
    return after.changed is True


def _change(before: Version, after: Version) -> _Change:
    closed = True if before.overall in CLOSED else False if before.overall in OPEN else None
    completion = before.completion or after.completion
    day = after.public_at.date()
    if closed:
        return _Change(before, after, "H", closed, f"after enrolment had closed (status {before.overall})")
    if completion is not None and day > completion:
        return _Change(before, after, "H", closed, f"after the primary completion date, {completion}")
    if completion is not None and day >= completion - LATE:
        return _Change(before, after, "H", closed, f"in the year before the primary completion date, {completion}")
    if before.endpoint and after.endpoint and _measures(before.endpoint) == _measures(after.endpoint):
        return _Change(before, after, "L", closed, "in its time frame only")
    return _Change(before, after, "M", closed, "while the trial was under way")


def _s1(change: _Change, count: int, seen: dict[str, Any]) -> Finding:
    before, after = change.before, change.after
    others = f"; {count} changes in all" if count > 1 else ""
    metadata: dict[str, Any] = {
        "source": SOURCE,
        "rule": RULE,
        "trial_version_ids": [before.number, after.number],
        "changes": count,
        "why": change.why,
    }
    if change.closed is not None:
        metadata["after_last_patient_randomised"] = change.closed
    return Finding(
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
