"""What a sample is drawn with."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from django.conf import settings

from linkaudit.evidence import LOOKS
from linkaudit.models import ReviewSample

# As many as the last look asks for; promoted links are looked after in small samples, week by week.
SIZE = LOOKS[-1]
PROMOTED_SIZE = 50
LARGEST = 100_000

Purpose = ReviewSample.Purpose


def second_share() -> Decimal:
    """Of which share of a sample's links a second person is asked, as the settings say."""
    return Decimal(settings.REVIEW_SECOND_SHARE)


def random_seed() -> int:
    """A seed that nobody has chosen; it is kept with the sample, so that the draw can be repeated."""
    return secrets.randbelow(2**31)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleOptions:
    """Of which heuristic, how many links, how many of them twice, why, and from which seed."""

    heuristic: str
    size: int = SIZE
    second_share: Decimal = field(default_factory=second_share)
    purpose: str = Purpose.PRECISION
    seed: int = field(default_factory=random_seed)

    def as_json(self) -> dict[str, Any]:
        """The options as the arguments of a job."""
        return {**asdict(self), "second_share": str(self.second_share)}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "SampleOptions":
        """The options that the arguments of a job say."""
        return cls(**{**given, "second_share": Decimal(given["second_share"])})
