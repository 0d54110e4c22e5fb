"""Fixtures that run the load commands."""

from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command


@dataclass
class Outcome:
    """Exit code, standard output, standard error and error message of a command."""

    code: int
    out: str
    err: str
    message: str

    def row(self, thing: str) -> tuple[int, ...]:
        """Added, changed, left and refused of that thing, from the table."""
        line = next(line for line in self.out.splitlines() if line.startswith(f"{thing} "))
        return tuple(int(count.replace(",", "")) for count in line.removeprefix(thing).split())


Load = Callable[..., Outcome]


@pytest.fixture
def content_root(settings: Any, tmp_path: Path) -> Path:
    """A content store for one test."""
    settings.CONTENT_ROOT = tmp_path / "content"
    return tmp_path / "content"


@pytest.fixture
def load(content_root: Path) -> Load:
    """Return a function that runs a load command: `load("ctgov", path, as_of=...)`."""

    def run(command: str, *arguments: Any, **options: Any) -> Outcome:
        out, err = StringIO(), StringIO()
        flags = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]
        code, message = 0, ""
        try:
            call_command(f"load_{command}", *map(str, arguments), *flags, stdout=out, stderr=err)
        except CommandError as error:
            code, message = error.returncode, str(error)
        return Outcome(code, out.getvalue(), err.getvalue(), message)

    return run
