"""Arguments that storage_verify and storage_repair share."""

from argparse import ArgumentTypeError

from storage.verification.findings import Check
from storage.verification.options import checks_named


def checks_given(names: str) -> tuple[Check, ...]:
    """The checks that `--only` names."""
    try:
        checks = checks_named([name.strip() for name in names.split(",") if name.strip()])
    except ValueError:
        checks = ()
    if not checks:
        raise ArgumentTypeError(f"{names!r} names no checks: write some of {','.join(Check)}")
    return checks


def share_given(share: str) -> float:
    """The share that `--sample` names, in percent or as a part of 1."""
    try:
        part = float(share.removesuffix("%")) / (100 if share.endswith("%") else 1)
    except ValueError:
        part = 0
    if not 0 < part <= 1:
        raise ArgumentTypeError(f"{share!r} is no share: write 5% or 0.05, more than 0 and at most 100%")
    return part
