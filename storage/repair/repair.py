"""A repair: findings are looked at again, changes are named, and, once somebody agreed, made one by one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from django.db import Error

from ncfd_site.core.progress import ProgressReporter
from storage.content import ContentError
from storage.repair.outcome import MendOptions
from storage.repair.run import Mender
from storage.verification.findings import Finding
from storage.verification.kept import KeptFindings
from storage.verification.options import VerifyOptions
from storage.verification.run import verify
from storage.verification.stores import NotAsked, Stores


@dataclass(slots=True)
class Progress:
    """How many changes there are and were made, what is left to people, what could not be looked at."""

    changes: int = 0
    made: int = 0
    left: int = 0
    unlooked: int = 0
    is_complete: bool = True


class Repair:
    """Holds the findings and the changes meanwhile, in temporary files: there may be many."""

    def __init__(self, options: MendOptions, say: Callable[[str], object], stores: Stores | None = None) -> None:
        self.progress = Progress()
        self.stores = stores or Stores()
        self._mender = Mender(options, self.stores)
        self._say = say
        self._found = KeptFindings()
        self._changes = KeptFindings()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._found.close()
        self._changes.close()

    def check(self, options: VerifyOptions, control: ProgressReporter) -> None:
        """Find what is wrong."""
        self.progress.is_complete = verify(options, control, self._found.add, self.stores).is_complete

    def take(self, findings: Iterable[Finding]) -> None:
        """Take what was found before."""
        for finding in findings:
            self._found.add(finding)

    def name(self, control: ProgressReporter) -> None:
        """Look at each finding again, and say each change and each thing that is left to people."""
        said: set[int] = set()
        control.begin("Looking again", len(self._found), "findings")
        for finding in self._found:
            try:
                outcome = self._mender.look(finding)
            except NotAsked:
                self.progress.unlooked += 1
                outcome = None
            # Content may be found wrong in two ways that one change mends.
            if outcome is not None and hash(outcome.line) not in said:
                said.add(hash(outcome.line))
                self._say(f"{'mend' if outcome.is_mendable else 'left'}: {outcome.line}")
                if outcome.is_mendable:
                    self._changes.add(finding)
                    self.progress.changes += 1
                else:
                    self.progress.left += 1
            control.advance(1)

    def mend(self, control: ProgressReporter) -> None:
        """Make the changes that were named, each in a transaction of its own; raises `Canceled` between two."""
        control.begin("Mending", len(self._changes), "changes")
        for finding in self._changes:
            try:
                self.progress.made += self._mender.mend(finding, control.actor)
            except NotAsked:
                self.progress.unlooked += 1
            except (ContentError, Error) as error:
                self.progress.left += 1
                self._say(f"left: {finding.sentence} It was not mended: {_sentence(error)}")
            control.advance(1)


def _sentence(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".") + "."
