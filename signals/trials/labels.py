"""Labels of phases, statuses and risk bands."""

from dataclasses import dataclass
from decimal import Decimal

from ncfd_site.core.charts.risk_bar import BAND_LIMITS, find_band_number

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
# Nothing is expected of these trials.
FINISHED = ("COMPLETED", "TERMINATED", "WITHDRAWN", "NO_LONGER_AVAILABLE", "APPROVED_FOR_MARKETING", "WITHHELD")
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Band:
    """A range of the probability of failure: from `low` on, under `high`; both None for what has no score."""

    name: str
    words: str
    low: Decimal | None = None
    high: Decimal | None = None

    @property
    def is_scored(self) -> bool:
        """True if the band is one of probabilities."""
        return self.low is not None or self.high is not None

    @property
    def number(self) -> int:
        """The number of the band on the risk scale, from 1 (lowest) to 5; 0 for trials without a score."""
        return find_band_number(self.low or Decimal(0)) if self.is_scored else 0


_FIRST, _SECOND, _THIRD, _FOURTH = BAND_LIMITS
BANDS = (
    Band("97", "97 % and more", _FOURTH),
    Band("75", "75 % to under 97 %", _THIRD, _FOURTH),
    Band("50", "50 % to under 75 %", _SECOND, _THIRD),
    Band("25", "25 % to under 50 %", _FIRST, _SECOND),
    Band("0", "under 25 %", None, _FIRST),
    Band("none", "not scored"),
)
BAND = {band.name: band for band in BANDS}


def find_band(p_fail: Decimal | None) -> Band:
    """Return the risk band of a probability; None is the band of trials without a score."""
    if p_fail is None:
        return BAND["none"]
    return next(band for band in BANDS if band.is_scored and (band.low is None or p_fail >= band.low))


def format_phase(phase: str | None) -> str:
    """Return a phase for display: "Phase 2/3" for PHASE2/PHASE3, "unknown" for None."""
    return PHASES.get(phase, phase) if phase else UNKNOWN


def format_status(status: str | None) -> str:
    """Return the status of a trial for display, "unknown" for None."""
    return STATUSES.get(status, status.replace("_", " ").lower()) if status else UNKNOWN
