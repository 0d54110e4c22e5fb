"""Verification of a stored score against its metadata and the formulas."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache

from signals.formulas import LOGIT, MAX_LOGIT, PROBABILITY, compute_posterior, logit, probability
from signals.scoring.recorded_score import COLUMNS, Columns, RecordedScore, read_recorded_score
from signals.scoring.values import CACHE_SIZE, MISSING, Difference, format_codes

# Stop rules of scores without recorded rules raise to this floor.
CONTRACT_FLOOR = Decimal("0.97")


@dataclass(frozen=True, slots=True)
class StoredScore:
    """A row of `scores`: the values of `COLUMNS`, the times, and `metadata` as JSON text."""

    columns: Columns
    features_frozen_at: datetime | None
    scored_at: datetime
    metadata: str


def find_score_differences(stored: StoredScore, now: datetime) -> Iterator[Difference]:
    """Return what is wrong with a score. Without usable metadata only the formulas between its columns are checked."""
    recorded = read_recorded_score(stored.metadata)
    frozen_at = stored.features_frozen_at
    if frozen_at is not None and frozen_at > stored.scored_at:
        yield Difference("features_frozen_at", str(frozen_at), f"at most {stored.scored_at}")
    if stored.scored_at > now:
        yield Difference("scored_at", str(stored.scored_at), "a time in the past")
    if recorded.is_from_current_table:
        yield from _check_times(stored, recorded)
    if recorded.expected is None:
        yield from _check_formulas(stored.columns, recorded.floor, recorded.ratios)
    elif stored.columns != recorded.expected:
        for name, value, expected in zip(COLUMNS, stored.columns, recorded.expected, strict=True):
            if value != expected:
                yield Difference(name, str(value), str(expected))
    yield from recorded.differences


def _check_times(stored: StoredScore, recorded: RecordedScore) -> Iterator[Difference]:
    frozen_at = stored.features_frozen_at
    if frozen_at is None and recorded.late:
        yield Difference("features_frozen_at", MISSING, f"a date before {format_codes(recorded.late)} fired")
    if frozen_at is not None and frozen_at <= stored.scored_at and frozen_at.astimezone(UTC).time() != time():
        yield Difference("features_frozen_at", str(frozen_at), "a date at 00:00 UTC")
    if recorded.as_of is not None:
        try:
            day = date.fromisoformat(recorded.as_of)
        except ValueError:
            yield Difference("metadata.as_of", recorded.as_of, "a date")
            return
        if stored.scored_at != datetime.combine(day, time(), UTC):
            yield Difference("scored_at", str(stored.scored_at), f"{day} 00:00 UTC, the date of the run")


@lru_cache(maxsize=CACHE_SIZE)
def _check_formulas(
    columns: Columns, floor: Decimal | None, ratios: tuple[Decimal, ...] | None
) -> tuple[Difference, ...]:
    """Compare the columns with each other, within their rounding."""
    prior_pi, logit_prior, sum_log_lr, logit_post, p_fail = columns
    differences = []
    half = PROBABILITY / 2
    low, high = (logit(min(max(prior_pi + step, Decimal("0.000001")), Decimal("0.999999"))) for step in (-half, half))
    if not low - LOGIT <= logit_prior <= high + LOGIT:
        prior = min(max(prior_pi, PROBABILITY), 1 - PROBABILITY)
        differences.append(Difference("logit_prior", str(logit_prior), f"about {logit(prior):.6f}"))
    if ratios is not None:
        total = compute_posterior(prior_pi, ratios).sum_log_lr
        if abs(total - sum_log_lr) > 5 * LOGIT:
            differences.append(Difference("sum_log_lr", str(sum_log_lr), str(total)))
    total = min(max(logit_prior + sum_log_lr, -MAX_LOGIT), MAX_LOGIT)
    if abs(total - logit_post) > 2 * LOGIT:
        differences.append(Difference("logit_post", str(logit_post), str(total)))
    chance = probability(logit_post)
    expected = max(chance, floor) if floor is not None else chance
    is_raised = floor is None and p_fail == CONTRACT_FLOOR > chance
    if abs(p_fail - expected) > PROBABILITY and not is_raised:
        differences.append(Difference("p_fail", str(p_fail), f"{expected:.5f}"))
    return tuple(differences)
