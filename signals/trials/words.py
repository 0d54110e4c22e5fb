"""What the registry and the scores write in capitals and fractions, as a person reads it."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

PHASES = {
    "EARLY_PHASE1": "Early phase 1",
    "PHASE1": "Phase 1",
    "PHASE1/PHASE2": "Phase 1/2",
    "PHASE2": "Phase 2",
    "PHASE2/PHASE3": "Phase 2/3",
    "PHASE3": "Phase 3",
    "PHASE4": "Phase 4",
    "NA": "No phase",
}
STATUSES = {
    "NOT_YET_RECRUITING": "not yet recruiting",
    "RECRUITING": "recruiting",
    "ENROLLING_BY_INVITATION": "enrolling by invitation",
    "ACTIVE_NOT_RECRUITING": "active, not recruiting",
    "COMPLETED": "completed",
    "SUSPENDED": "suspended",
    "TERMINATED": "terminated",
    "WITHDRAWN": "withdrawn",
    "UNKNOWN": "unknown status",
    "AVAILABLE": "available",
    "NO_LONGER_AVAILABLE": "no longer available",
    "TEMPORARILY_NOT_AVAILABLE": "temporarily not available",
    "APPROVED_FOR_MARKETING": "approved for marketing",
    "WITHHELD": "withheld",
}
UNKNOWN = "unknown"
# Up to here one digit is none: 0.05 is rounded to the even 0.0.
LEAST_STEP = Decimal("0.05")
EXPONENTS_FROM = 12


@dataclass(frozen=True, slots=True)
class Band:
    """A range of the probability of failure: from `low` on, under `high`; both None for what has no score."""

    name: str
    words: str
    low: Decimal | None = None
    high: Decimal | None = None

    @property
    def is_scored(self) -> bool:
        """Whether the band is one of probabilities."""
        return self.low is not None or self.high is not None


BANDS = (
    Band("97", "97 % and more", Decimal("0.97")),
    Band("75", "75 % to under 97 %", Decimal("0.75"), Decimal("0.97")),
    Band("50", "50 % to under 75 %", Decimal("0.50"), Decimal("0.75")),
    Band("0", "under 50 %", None, Decimal("0.50")),
    Band("none", "not scored"),
)
BAND = {band.name: band for band in BANDS}


def band_of(p_fail: Decimal | None) -> Band:
    """Return the band in which a probability lies."""
    if p_fail is None:
        return BAND["none"]
    return next(band for band in BANDS if band.is_scored and (band.low is None or p_fail >= band.low))


def phase_words(phase: str | None) -> str:
    """Return a phase in words: "Phase 2/3" for PHASE2/PHASE3; unknown where there is none."""
    return PHASES.get(phase, phase) if phase else UNKNOWN


def status_words(status: str | None) -> str:
    """Return a status in words; unknown where there is none."""
    return STATUSES.get(status, status.replace("_", " ").lower()) if status else UNKNOWN


def percent(p_fail: Decimal) -> str:
    """Return a probability in percent, with one digit; with three where one would round it to 0 or 100."""
    value = p_fail * 100
    is_near_an_end = 0 < value <= LEAST_STEP or 100 - LEAST_STEP <= value < 100
    return f"{value:.3f} %" if is_near_an_end else f"{value:.1f} %"


def points(change: Decimal) -> str:
    """Return a difference of probabilities in points of percent, with its sign."""
    value = change * 100
    return f"{value:+.1f} points" if not value or abs(value) > LEAST_STEP else f"{value:+.3f} points"


def distance(day: date, today: date) -> str:
    """Return how far a day is from today: "in 3 months", "2 weeks ago", today."""
    days = abs((day - today).days)
    if not days:
        return "today"
    for unit, length, from_ in (("year", 365, 730), ("month", 30, 60), ("week", 7, 21), ("day", 1, 1)):
        if days >= from_:
            count = days // length
            told = f"{count} {unit}{'' if count == 1 else 's'}"
            break
    return f"in {told}" if day > today else f"{told} ago"


def number(amount: Decimal) -> str:
    """Return a number without superfluous digits, or in powers of ten where it would be endless."""
    if abs(amount.adjusted()) >= EXPONENTS_FROM:
        return f"{amount:.3E}"
    return f"{round(amount, 6).normalize():f}"
