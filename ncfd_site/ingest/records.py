"""The records of a file: valid, or rejected with a reason."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from ncfd_site.config.errors import ExitCode, UserError

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class SourceLocation:
    """The file, line (from 1) and, when records share a line, number (from 1) of a record."""

    file: str
    line: int
    record: int | None = None

    def __str__(self) -> str:
        location = f"{self.file}, line {self.line}"
        return location if self.record is None else f"{location}, record {self.record}"


@dataclass(frozen=True, slots=True)
class Record(Generic[Value]):
    """A valid record; `size` is the number of bytes of its text."""

    place: SourceLocation
    value: Value
    size: int = 0


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A rejected record, with the reason for the user."""

    place: SourceLocation
    reason: str


class InvalidRecord(ValueError):
    """A record is invalid; the text is the reason for the user."""


class InputError(UserError):
    """Nothing can be loaded as requested: a missing file, another format, an unsafe request."""

    exit_code = ExitCode.USAGE
