"""Rows against bytes, and bytes against hashes: the stores are asked from many threads, the database from one."""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass

from storage.verification.findings import Check, Finding
from storage.verification.options import VerifyOptions
from storage.verification.overlapping import overlapped
from storage.verification.passes import Looked, Page
from storage.verification.probes import probe_bytes, probe_hash
from storage.verification.rows import (
    Row,
    fresh,
    number_of_rows,
    rows_after,
)
from storage.verification.stores import NotAsked, Stores

# Rows at a time, since a run can be stopped between two pages: reading the bytes takes longer than asking for them.
ASKED, READ = 1_000, 128
# A row that changes at every look is being worked on, and is passed over.
ROUNDS = 5

Probe = Callable[[Row, Stores], list[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentPass:
    """Through the rows of the sample by their number, and for each to its bytes."""

    check: Check
    name: str
    step: str
    options: VerifyOptions
    stores: Stores
    probe: Probe
    size: int
    unit: str = "contents"

    def total(self) -> int:
        """The rows of the sample."""
        return number_of_rows(self.options)

    def page(self, after: int | None) -> Page | None:
        """Look at the next rows, and again at those where something seems wrong."""
        rows = rows_after(-(2**63) if after is None else after, self.size, self.options)
        if not rows:
            return None
        looked = Looked()
        suspects = [row.object_id for row in rows_with_findings(self._probed(rows, looked))]
        looked.findings.extend(self._again(suspects, looked))
        return Page(rows[-1].object_id, len(rows), len(rows) - looked.unchecked.total(), looked)

    def _again(self, suspects: Collection[int], looked: Looked) -> list[Finding]:
        """What is wrong with rows that are the same before and after the look at their bytes."""
        settled: dict[int, list[Finding]] = {}
        for _ in range(ROUNDS):
            if not suspects:
                break
            before = fresh(suspects)
            wrong = self._probed(list(before.values()), looked)
            after = fresh([row.object_id for row, findings in wrong if findings])
            settled |= {row.object_id: findings for row, findings in wrong if after.get(row.object_id) == row}
            suspects = [number for number, row in after.items() if row != before[number]]
        return [finding for number in sorted(settled) for finding in settled[number]]

    def _probed(self, rows: Collection[Row], looked: Looked) -> list[tuple[Row, list[Finding]]]:
        found: list[tuple[Row, list[Finding]]] = []
        unchecked: Counter[str] = Counter()
        for row, answer in zip(rows, overlapped(self._ask, rows), strict=True):
            if isinstance(answer, NotAsked):
                unchecked[answer.backend] += 1
            else:
                found.append((row, answer))
        looked.unchecked += unchecked
        return found

    def _ask(self, row: Row) -> list[Finding] | NotAsked:
        try:
            return self.probe(row, self.stores)
        except NotAsked as refusal:
            return refusal


def rows_with_findings(probed: Collection[tuple[Row, list[Finding]]]) -> list[Row]:
    """The rows where something was found."""
    return [row for row, findings in probed if findings]


def bytes_passes(options: VerifyOptions, stores: Stores) -> list[ContentPass]:
    """Whether the bytes of each row are there, and as many as it says."""
    return [
        ContentPass(
            check=Check.BYTES,
            name="bytes",
            step="Asking for the bytes",
            options=options,
            stores=stores,
            probe=probe_bytes,
            size=ASKED,
        )
    ]


def hash_passes(options: VerifyOptions, stores: Stores) -> list[ContentPass]:
    """Whether the bytes of each row have its hash. Missing ones are told here where the other check does not run."""
    both = Check.BYTES in options.checks
    return [
        ContentPass(
            check=Check.HASHES,
            name="hashes",
            step="Reading the bytes",
            options=options,
            stores=stores,
            probe=lambda row, stores: probe_hash(row, stores, is_alone=not both),
            size=READ,
        )
    ]
