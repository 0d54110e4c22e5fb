"""The manifest of a backup, written last: a backup without one is incomplete."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from storage.backup.errors import BackupDamagedError
from storage.backup.files import BackupFiles

FOLDER = "backups"
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """The database at the moment of a backup: time, LSN, revision, version, extensions, grantees, rows by table."""

    taken_at: str
    lsn: str
    revision: str
    server_major: int
    extensions: list[str]
    roles: list[str]
    row_counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Size in bytes and SHA-256 of a file before encryption."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A complete backup: database, files, and numbers of objects; `unreadable_count` of them are not in the backup."""

    name: str
    database: DatabaseFacts
    dump: FileFacts
    contents: FileFacts
    object_count: int
    object_bytes: int
    unreadable_count: int

    def path(self, file: str) -> str:
        """Return the name of a file of this backup."""
        return f"{FOLDER}/{self.name}/{file}"

    def as_bytes(self) -> bytes:
        """Return the manifest as JSON."""
        return json.dumps(asdict(self), indent=2).encode()


def read_manifests(files: BackupFiles) -> list[Manifest]:
    """Return the complete backups, oldest first; raises `BackupDamagedError`."""
    names = sorted(name for name, _ in files.destination.list_files(FOLDER) if name.endswith(f"/{MANIFEST}"))
    return [_parse_manifest(name, b"".join(files.read(name))) for name in names]


def _parse_manifest(name: str, text: bytes) -> Manifest:
    try:
        found: Mapping[str, Any] = json.loads(text)
        facts: dict[str, Any] = {"database": DatabaseFacts(**found["database"])}
        facts |= {file: FileFacts(**found[file]) for file in ("dump", "contents")}
        return Manifest(**{**found, **facts})
    except (ValueError, KeyError, TypeError):
        raise BackupDamagedError(f"The backup is damaged: {name} is not a manifest. Use another backup.") from None
