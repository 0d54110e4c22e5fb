"""What a reader gives for each record of a file: its value, or why there is none."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from ncfd_site.config.errors import ExitCode, UserError

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class SourceLocation:
    """Where a record stands: the file, the line (from 1), and its number where many share a line (from 1)."""

    file: str
    line: int
    record: int | None = None

    def __str__(self) -> str:
        where = f"{self.file}, line {self.line}"
        return where if self.record is None else f"{where}, record {self.record}"


@dataclass(frozen=True, slots=True)
class Record(Generic[Value]):
    """A record that could be read; `size` is the number of bytes of its text, where that matters."""

    place: SourceLocation
    value: Value
    size: int = 0


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record that is refused, and why, in words for people."""

    place: SourceLocation
    reason: str


class InvalidRecord(ValueError):
    """A record cannot be used; the text is the reason, in words for people."""


class InputError(UserError):
    """Nothing can be loaded as requested: a missing file, another format, an unsafe request."""

    exit_code = ExitCode.USAGE
