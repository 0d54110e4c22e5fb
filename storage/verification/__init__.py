"""Checking of content: counts against references, owners, rows against bytes, bytes against hashes, and orphans.

It only reads, in transactions that the database holds to that. A finding is looked at again before it is told, so that
nobody who works at the same time is taken for damage.
"""

from storage.verification.findings import Check, Finding, Kind
from storage.verification.options import VerifyOptions
from storage.verification.run import verify
from storage.verification.summary import Checked, Summary, Unavailable

__all__ = ["Check", "Checked", "Finding", "Kind", "Summary", "Unavailable", "VerifyOptions", "verify"]
