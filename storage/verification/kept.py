"""Findings as lines of JSON: as storage_verify --json prints them, and on their way through storage_repair."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from storage.verification.findings import Finding


class WrongFindings(Exception):
    """The file holds something else. The text is a sentence."""


def findings_in(path: Path) -> Iterator[Finding]:
    """The findings of a file that storage_verify --json wrote; raises `WrongFindings`."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                record = json.loads(line)
                if isinstance(record, dict) and "summary" in record:
                    continue
                yield Finding.from_json(record)
            except (ValueError, TypeError):
                raise WrongFindings(
                    f"Line {number} of {path} is no finding: give what storage_verify --json printed."
                ) from None


class KeptFindings:
    """Findings in a temporary file without a name, however many they are."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 (kept open until the run ends)
        self._number = 0

    def close(self) -> None:
        """Forget them."""
        self._file.close()

    def add(self, finding: Finding) -> None:
        """Keep one more."""
        self._file.write(f"{json.dumps(finding.as_json())}\n")
        self._number += 1

    def __len__(self) -> int:
        return self._number

    def __iter__(self) -> Iterator[Finding]:
        self._file.seek(0)
        for line in self._file:
            yield Finding.from_json(json.loads(line))
