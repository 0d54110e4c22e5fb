"""Abandoned uploads: files that a killed writer left in the local store's `incoming` folder."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from storage.content.base import StoreUnavailableError

# Longer than any upload takes.
ABANDONED_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class AbandonedUpload:
    """A file under the content root: name such as `incoming/tmp8xyz`, size in bytes, last write in UTC."""

    name: str
    size: int
    modified_at: datetime


def find_abandoned_uploads(root: Path) -> list[AbandonedUpload]:
    """Return the uploads that nothing writes any more, by name; raises `StoreUnavailableError`."""
    with _translate_os_errors():
        try:
            paths = sorted((root / "incoming").iterdir())
        except FileNotFoundError:
            return []
        return [upload for path in paths if (upload := _read_abandoned(path))]


def delete_abandoned_upload(root: Path, name: str) -> AbandonedUpload | None:
    """Delete an upload that is still abandoned and return it, else None; raises `StoreUnavailableError`."""
    path = root / "incoming" / Path(name).name
    with _translate_os_errors():
        upload = _read_abandoned(path)
        if upload is None:
            return None
        try:
            path.unlink()
        except FileNotFoundError:  # deleted concurrently
            return None
        return upload


def _read_abandoned(path: Path) -> AbandonedUpload | None:
    try:
        status = path.stat(follow_symlinks=False)
    except FileNotFoundError:  # moved into place concurrently
        return None
    modified_at = datetime.fromtimestamp(status.st_mtime, UTC)
    if not stat.S_ISREG(status.st_mode) or datetime.now(UTC) - modified_at < ABANDONED_AFTER:
        return None
    return AbandonedUpload(f"incoming/{path.name}", status.st_size, modified_at)


@contextmanager
def _translate_os_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise StoreUnavailableError(
            f"The local content store is unavailable: {reason}. Check the folder CONTENT_ROOT."
        ) from error
