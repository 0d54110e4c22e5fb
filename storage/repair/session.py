"""A repair session: findings are collected, repairs proposed, and after confirmation made."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from django.db import Error

from ncfd_site.core.progress import ProgressReporter
from storage.content import ContentError
from storage.content.pool import StorePool, StoreSkippedError
from storage.repair.proposals import RepairOptions
from storage.repair.repairer import Repairer
from storage.verification import Finding, VerifyOptions, verify
from storage.verification.findings_io import FindingsBuffer


@dataclass(slots=True)
class RepairCounts:
    """Numbers of proposed repairs, of repairs made, of manual actions, and of findings skipped."""

    proposed: int = 0
    repaired: int = 0
    manual: int = 0
    skipped: int = 0
    is_complete: bool = True


class RepairSession:
    """Findings and repairs in temporary files, since there may be many; `print_line` receives one line for each."""

    def __init__(
        self, options: RepairOptions, print_line: Callable[[str], object], stores: StorePool | None = None
    ) -> None:
        self.counts = RepairCounts()
        self.stores = stores or StorePool()
        self._repairer = Repairer(options, self.stores)
        self._print_line = print_line
        self._findings = FindingsBuffer()
        self._repairable = FindingsBuffer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._findings.close()
        self._repairable.close()

    def verify(self, options: VerifyOptions, reporter: ProgressReporter) -> None:
        """Collect the findings of a verification."""
        self.counts.is_complete = verify(options, reporter, self._findings.add, self.stores).is_complete

    def add_findings(self, findings: Iterable[Finding]) -> None:
        """Collect findings of an earlier verification."""
        for finding in findings:
            self._findings.add(finding)

    def propose(self, reporter: ProgressReporter) -> None:
        """Check each finding again, and print its repair or manual action."""
        printed: set[int] = set()
        reporter.begin("Rechecking", len(self._findings), "findings")
        for finding in self._findings:
            try:
                proposal = self._repairer.propose(finding)
            except StoreSkippedError:
                self.counts.skipped += 1
                proposal = None
            # One repair may resolve several findings about an object.
            if proposal is not None and hash(proposal.message) not in printed:
                printed.add(hash(proposal.message))
                self._print_line(f"{'repair' if proposal.is_automatic else 'manual'}: {proposal.message}")
                if proposal.is_automatic:
                    self._repairable.add(finding)
                    self.counts.proposed += 1
                else:
                    self.counts.manual += 1
            reporter.advance(1)

    def repair(self, reporter: ProgressReporter) -> None:
        """Make the proposed repairs, each in its own transaction; raises `Canceled` between two."""
        reporter.begin("Repairing", len(self._repairable), "repairs")
        for finding in self._repairable:
            try:
                self.counts.repaired += self._repairer.repair(finding, reporter.actor)
            except StoreSkippedError:
                self.counts.skipped += 1
            except (ContentError, Error) as error:
                self.counts.manual += 1
                reason = str(error).partition("\n")[0].rstrip(".")
                self._print_line(f"manual: {finding.message} The repair failed: {reason}.")
            reporter.advance(1)
