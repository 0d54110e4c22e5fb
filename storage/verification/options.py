"""Options of a verification and their command-line arguments."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from ncfd_site.core.command import integer_type


class Check(StrEnum):
    """A check, in the order in which checks run."""

    COUNTS = "counts"
    REFERRERS = "referrers"
    PRESENCE = "presence"
    HASHES = "hashes"
    ORPHANS = "orphans"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """Selected checks and their limits.

    `sample` is the fraction of objects whose presence and hash are checked; the same `seed` selects the same objects.
    Unreferenced data younger than `min_age_minutes` is not reported.
    """

    checks: tuple[Check, ...] = tuple(Check)
    sample: float = 1.0
    seed: int = 0
    min_age_minutes: int = 60

    def as_json(self) -> dict[str, Any]:
        """Return the options as stored by jobs and state files."""
        return {**asdict(self), "checks": [check.value for check in self.checks]}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "VerifyOptions":
        """Return stored options; missing ones get their defaults. Raises ValueError for an unknown check."""
        return cls(**{**stored, "checks": parse_checks(stored.get("checks", Check))})


def parse_checks(names: Iterable[str]) -> tuple[Check, ...]:
    """Return the named checks in the order of `Check`; raises ValueError for an unknown name."""
    named = {Check(name) for name in names}
    return tuple(check for check in Check if check in named)


def add_check_argument(parser: Any) -> None:
    """Add the option `--only` with the checks to run."""
    parser.add_argument(
        "--only",
        metavar="CHECK,...",
        type=_parse_check_list,
        default=tuple(Check),
        help=f"Run only these checks: {', '.join(Check)} (default: all).",
    )


def add_min_age_argument(parser: ArgumentParser) -> None:
    """Add the option `--min-age` with the minutes for which unreferenced data is ignored."""
    parser.add_argument(
        "--min-age",
        type=integer_type(),
        default=VerifyOptions().min_age_minutes,
        metavar="MINUTES",
        help="Ignore unreferenced data newer than this (default: %(default)s).",
    )


def parse_share(text: str) -> float:
    """Return a share written as a percentage or a fraction; an argparse type."""
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = 0
    if not 0 < share <= 1:
        raise ArgumentTypeError(f"{text!r} is not a share. Use 5% or 0.05, above 0 and at most 100%.")
    return share


def _parse_check_list(text: str) -> tuple[Check, ...]:
    try:
        checks = parse_checks(name.strip() for name in text.split(",") if name.strip())
    except ValueError:
        checks = ()
    if not checks:
        raise ArgumentTypeError(f"{text!r} names an unknown check. Use some of {','.join(Check)}.")
    return checks
