"""What is checked, and how much of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storage.verification.findings import Check


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """Which checks run.

    Bytes and hashes are looked at for the share `sample` of all rows (1 for all), drawn by `seed`: the same seed draws
    the same rows. Bytes that no row names are told once they are older than `young_minutes`.
    """

    checks: tuple[Check, ...] = tuple(Check)
    sample: float = 1.0
    seed: int = 0
    young_minutes: int = 60

    def as_json(self) -> dict[str, Any]:
        """The options as a job or a state file keeps them."""
        return {
            "checks": [check.value for check in self.checks],
            "sample": self.sample,
            "seed": self.seed,
            "young_minutes": self.young_minutes,
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "VerifyOptions":
        """The options that were kept so; what is left out is as by default. Raises ValueError for an unknown check."""
        return cls(**{**given, "checks": checks_named(given.get("checks", list(Check)))})


def checks_named(names: list[str]) -> tuple[Check, ...]:
    """Those checks, in the order in which they run; raises ValueError for a name that is none."""
    known = [Check(name) for name in names]
    return tuple(check for check in Check if check in known)
