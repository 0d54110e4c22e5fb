"""Files that a writer of the local backend left behind when it was killed: nobody reads them."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from storage.content.errors import ContentUnavailable

# No writer takes so long.
ABANDONED_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file below the root: its name as in `incoming/tmp8xyz`, its bytes, when it was last written (in UTC)."""

    name: str
    size: int
    modified: datetime


def abandoned(root: Path) -> list[Leftover]:
    """The files that are so old that nobody writes them any more, by name; raises `ContentUnavailable`."""
    with _usable():
        try:
            paths = sorted((root / "incoming").iterdir())
        except FileNotFoundError:
            return []
        return [found for path in paths if (found := _leftover(path))]


def remove_abandoned(root: Path, name: str) -> Leftover | None:
    """Delete that file where it is still abandoned, and return what it was; raises `ContentUnavailable`."""
    path = root / "incoming" / Path(name).name
    with _usable():
        found = _leftover(path)
        if found is None:
            return None
        try:
            path.unlink()
        except FileNotFoundError:  # somebody was quicker
            return None
        return found


def _leftover(path: Path) -> Leftover | None:
    try:
        found = path.stat(follow_symlinks=False)
    except FileNotFoundError:  # put into its place meanwhile
        return None
    modified = datetime.fromtimestamp(found.st_mtime, UTC)
    if not stat.S_ISREG(found.st_mode) or datetime.now(UTC) - modified < ABANDONED_AFTER:
        return None
    return Leftover(f"incoming/{path.name}", found.st_size, modified)


@contextmanager
def _usable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ContentUnavailable(
            f"The local content store cannot be used: {error.strerror or error}; see to the folder CONTENT_ROOT."
        ) from error
