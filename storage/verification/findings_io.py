"""Findings as lines of JSON: files of storage_verify --json, temporary buffers, and state files.

A state file starts with the options, followed by findings and checkpoints. Everything after its last complete
checkpoint is checked again, so that no finding is lost or repeated.
"""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from ncfd_site.config.errors import ExitCode, UserError
from ncfd_site.core.progress import ProgressReporter
from storage.verification.findings import Finding

_STATE_KIND = "storage_verify"


class FindingsFileError(UserError):
    """The file does not contain findings."""

    exit_code = ExitCode.USAGE


class StateFileError(UserError):
    """The file is not a state file, or belongs to another run."""

    exit_code = ExitCode.USAGE


def read_findings(path: Path) -> Iterator[Finding]:
    """Yield the findings of a file that storage_verify --json wrote; raises `FindingsFileError`."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                record = json.loads(line)
                if isinstance(record, dict) and "summary" in record:
                    continue
                yield Finding.from_json(record)
            except (ValueError, TypeError):
                raise FindingsFileError(
                    f"Line {number} of {path} is not a finding. Use the output of storage_verify --json."
                ) from None


class FindingsBuffer:
    """Findings in an unnamed temporary file, since there may be many."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 (closed by `close`)
        self._count = 0

    def close(self) -> None:
        """Delete the file."""
        self._file.close()

    def add(self, finding: Finding) -> None:
        """Append a finding."""
        self._file.write(f"{json.dumps(finding.as_json())}\n")
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Finding]:
        self._file.seek(0)
        for line in self._file:
            yield Finding.from_json(json.loads(line))


class StateFile:
    """A progress reporter that also saves each checkpoint, and the findings before it, in a file.

    Raises `StateFileError`, and `OSError` if the file cannot be read or written.
    """

    def __init__(self, path: Path, arguments: Mapping[str, Any], reporter: ProgressReporter) -> None:
        self.actor = reporter.actor
        self.checkpoint: Mapping[str, Any] = {}
        self._path = path
        self._reporter = reporter
        self._pending: list[Finding] = []
        self._file: BinaryIO = path.open("ab+")
        try:
            self._load_saved_state({"what": _STATE_KIND, **arguments})
        except BaseException:
            self._file.close()
            raise

    def read_saved_findings(self) -> Iterator[Finding]:
        """Yield the findings of the earlier run, in order."""
        with self._path.open("rb") as file:
            for line in file:
                if "finding" in (record := json.loads(line)):
                    yield Finding.from_json(record["finding"])

    def add(self, finding: Finding) -> None:
        """Save a finding with the next checkpoint."""
        self._pending.append(finding)

    def begin(self, step: str, total: int | None, unit: str) -> None:
        """Forward the step to the reporter of the run."""
        self._reporter.begin(step, total, unit)

    def advance(self, count: int = 1, *, checkpoint: Mapping[str, Any] | None = None, note: str = "") -> None:
        """Save the checkpoint before forwarding it, since the reporter may end the run."""
        if checkpoint is not None:
            self.checkpoint = checkpoint
            self._append([*({"finding": finding.as_json()} for finding in self._pending), {"checkpoint": checkpoint}])
            self._pending.clear()
        self._reporter.advance(count, checkpoint=checkpoint, note=note)

    def close(self) -> None:
        """Close the file and keep it."""
        self._file.close()

    def delete(self) -> None:
        """Delete the file after a complete run."""
        self._path.unlink(missing_ok=True)

    def _load_saved_state(self, arguments: dict[str, Any]) -> None:
        self._file.seek(0)
        first = self._file.readline()
        if not first.endswith(b"\n"):
            # A new file, or one whose first line was cut off. Other content must not be overwritten.
            if not json.dumps(arguments).encode().startswith(first):
                raise StateFileError(
                    f"{self._path} is not a state file of storage_verify. Use another file name with --state."
                )
            self._file.truncate(0)
            self._append([arguments])
            return
        self._require_arguments(first, arguments)
        end = position = len(first)
        while line := self._file.readline():
            if not line.endswith(b"\n"):
                break
            position += len(line)
            record = json.loads(line)
            if "checkpoint" in record:
                self.checkpoint, end = record["checkpoint"], position
        self._file.truncate(end)

    def _require_arguments(self, first: bytes, arguments: dict[str, Any]) -> None:
        try:
            saved = json.loads(first)
        except ValueError:
            saved = None
        if not isinstance(saved, dict) or saved.get("what") != _STATE_KIND:
            raise StateFileError(f"{self._path} is not a state file of storage_verify. Use another file with --state.")
        if different := sorted(name for name in {*saved, *arguments} if saved.get(name) != arguments.get(name)):
            raise StateFileError(
                f"{self._path} is from a run with other arguments ({', '.join(different)}). Repeat the original "
                "command, or delete the file to start over."
            )

    def _append(self, records: list[dict[str, Any]]) -> None:
        self._file.seek(0, os.SEEK_END)
        self._file.write(b"".join(json.dumps(record).encode() + b"\n" for record in records))
        self._file.flush()
        os.fsync(self._file.fileno())
