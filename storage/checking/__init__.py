"""Checking of content: counts against references, owners, rows against bytes, bytes against hashes, and orphans.

It only reads, in transactions that the database holds to that. A finding is looked at again before it is told, so that
nobody who works at the same time is taken for damage.
"""

from storage.checking.findings import Check, Finding, Kind
from storage.checking.options import VerifyOptions
from storage.checking.run import verify
from storage.checking.summary import Checked, Summary, Unavailable

__all__ = ["Check", "Checked", "Finding", "Kind", "Summary", "Unavailable", "VerifyOptions", "verify"]
