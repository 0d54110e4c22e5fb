"""Verification runs."""

from typing import Any

from ncfd_site.core.progress import NullReporter
from storage.content.backends import StorePool
from storage.verification import (
    Check,
    Finding,
    FindingKind,
    Summary,
    VerifyOptions,
    verify,
)


def run_verification(*checks: Check, stores: StorePool | None = None, **options: Any) -> tuple[list[Finding], Summary]:
    """Return findings and summary of the checks, by default of all."""
    findings: list[Finding] = []
    options_given = VerifyOptions(checks=checks or tuple(Check), **options)
    summary = verify(options_given, NullReporter("olga"), findings.append, stores)
    return findings, summary


def list_kinds(findings: list[Finding]) -> list[tuple[FindingKind, int | None]]:
    """Return the kinds and objects of findings."""
    return [(one.kind, one.object_id) for one in findings]
