"""A file from which a stopped or killed check goes on: the checkpoint, and the findings until there.

It grows by lines of JSON: the arguments, findings, and now and then a checkpoint. What stands behind the last whole
checkpoint is found anew, so that no finding is lost or told twice, wherever the writing ended.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from ncfd_site.core.progress import ProgressReporter
from storage.verification.findings import Finding

_KIND = "storage_verify"


class WrongState(Exception):
    """The file is of another run, or no such file. The text is a sentence."""


class StateFile:
    """A control that keeps each checkpoint, with the findings before it, in a file.

    Raises `WrongState`, and `OSError` where the file cannot be read or written.
    """

    def __init__(self, path: Path, arguments: Mapping[str, Any], control: ProgressReporter) -> None:
        self.actor = control.actor
        self.checkpoint: Mapping[str, Any] = {}
        self._path = path
        self._control = control
        self._found: list[Finding] = []
        self._file: BinaryIO = path.open("ab+")
        try:
            self._open({"what": _KIND, **arguments})
        except BaseException:
            self._file.close()
            raise

    def findings(self) -> Iterator[Finding]:
        """The findings that an earlier run told, in their order."""
        with self._path.open("rb") as file:
            for line in file:
                if "finding" in (record := json.loads(line)):
                    yield Finding.from_json(record["finding"])

    def tell(self, finding: Finding) -> None:
        """Keep a finding with the next checkpoint."""
        self._found.append(finding)

    def begin(self, step: str, total: int | None, unit: str) -> None:
        """Pass it on."""
        self._control.begin(step, total, unit)

    def advance(self, count: int = 1, *, checkpoint: Mapping[str, Any] | None = None, note: str = "") -> None:
        """Keep the checkpoint first, since the control may end the run."""
        if checkpoint is not None:
            self.checkpoint = checkpoint
            self._write([*({"finding": one.as_json()} for one in self._found), {"checkpoint": checkpoint}])
            self._found.clear()
        self._control.advance(count, checkpoint=checkpoint)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def remove(self) -> None:
        """The run is whole: there is nothing to go on with."""
        self._path.unlink(missing_ok=True)

    def _open(self, arguments: dict[str, Any]) -> None:
        self._file.seek(0)
        first = self._file.readline()
        if not first.endswith(b"\n"):
            # A new file, or one whose first line was cut off. Anything longer is somebody's.
            if not json.dumps(arguments).encode().startswith(first):
                raise WrongState(f"{self._path} is no state of storage_verify: give it another name with --state.")
            self._file.truncate(0)
            self._write([arguments])
            return
        self._require(first, arguments)
        whole = self._file.tell()
        while line := self._file.readline():
            if not line.endswith(b"\n"):
                break
            record = json.loads(line)
            if "checkpoint" in record:
                self.checkpoint, whole = record["checkpoint"], self._file.tell()
        self._file.truncate(whole)

    def _require(self, first: bytes, arguments: dict[str, Any]) -> None:
        try:
            kept = json.loads(first)
        except ValueError:
            kept = None
        if not isinstance(kept, dict) or kept.get("what") != _KIND:
            raise WrongState(f"{self._path} is no state of storage_verify: give another file with --state.")
        if other := sorted(name for name in {*kept, *arguments} if kept.get(name) != arguments.get(name)):
            raise WrongState(
                f"{self._path} is the state of a run with other arguments ({', '.join(other)}): repeat the command "
                "that began it, or remove the file to begin anew."
            )

    def _write(self, records: list[dict[str, Any]]) -> None:
        self._file.seek(0, os.SEEK_END)
        self._file.write(b"".join(json.dumps(record).encode() + b"\n" for record in records))
        self._file.flush()
        os.fsync(self._file.fileno())
