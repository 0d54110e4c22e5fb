"""Verification of the content store: counts, referrers, presence, hashes, orphans.

It reads in read-only transactions. Each suspected error is checked again before it is reported, so that concurrent
work is not mistaken for damage.
"""

from storage.verification.findings import Finding, FindingKind
from storage.verification.options import Check, VerifyOptions
from storage.verification.run import CheckResult, Summary, verify

__all__ = ["Check", "CheckResult", "Finding", "FindingKind", "Summary", "VerifyOptions", "verify"]
