"""Backups: database and content of one moment, incremental by hash, complete once the manifest is written.

The order makes them consistent: hold all data, take a snapshot, dump it, copy what its rows name. A backup that stops
anywhere leaves content that the next one uses, and no manifest.
"""

import hashlib
import json
import secrets
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import IO, Any

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.progress import ProgressReporter
from storage.backup.errors import BackupError
from storage.backup.files import BackupFiles
from storage.backup.hold import Hold, hold_data
from storage.backup.manifest import FOLDER, MANIFEST, FileFacts, Manifest, read_manifests
from storage.backup.snapshot import open_snapshot, read_identity
from storage.content import ContentStore
from storage.content.backends import StorePool, StoreSkippedError, map_concurrently
from storage.content.base import CHUNK, ContentError, parse_uri

# Objects copied between two safe points.
BATCH = 256
# Unreadable objects in a result; the list of contents in the backup has all.
MAX_LISTED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupResult:
    """A complete backup, what it copied, the first objects that could not be read, and the names of pruned backups."""

    manifest: Manifest
    copied_count: int
    copied_bytes: int
    unreadable: list[str]
    pruned: list[str]


class FileDigest:
    """Size and SHA-256 of the chunks that pass through `track`."""

    def __init__(self) -> None:
        self._digest, self._size = hashlib.sha256(), 0

    def track(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the chunks."""
        for chunk in chunks:
            self._digest.update(chunk)
            self._size += len(chunk)
            yield chunk

    def facts(self) -> FileFacts:
        """Return the facts so far."""
        return FileFacts(self._size, self._digest.hexdigest())


def take_backup(
    parameters: Mapping[str, Any], files: BackupFiles, reporter: ProgressReporter, *, keep: int | None = None
) -> BackupResult:
    """Back up the database and its content; then delete all but the newest `keep` backups.

    Raises `UserError`, and `Canceled` at safe points; content that was copied stays.
    """
    with hold_data(parameters) as hold:
        files.open(read_identity(parameters))
        _delete_incomplete(files)
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}-{secrets.token_hex(4)}"
        with tempfile.TemporaryFile() as listed, tempfile.TemporaryFile() as contents:
            reporter.begin("Dumping the database", None, "bytes")
            with open_snapshot(parameters) as snapshot:
                facts, total = snapshot.read_facts(), snapshot.write_contents(listed)
                try:
                    dump = _write_file(files, f"{FOLDER}/{name}/dump", snapshot.dump(), reporter)
                except BackupError:
                    # A lost database is not an error of pg_dump.
                    hold.check()
                    raise
            listed.seek(0)
            reporter.begin("Copying content", total, "objects")
            copy = _ContentCopy(files, contents)
            while batch := list(islice(listed, BATCH)):
                copy.copy(batch)
                hold.check()
                reporter.advance(len(batch))
            contents.seek(0)
            chunks = iter(lambda: contents.read(CHUNK), b"")
            written = _write_file(files, f"{FOLDER}/{name}/contents", chunks, reporter)
        manifest = Manifest(
            name=name,
            database=facts,
            dump=dump,
            contents=written,
            object_count=copy.object_count,
            object_bytes=copy.object_bytes,
            unreadable_count=copy.unreadable_count,
        )
        hold.check()
        files.write(manifest.path(MANIFEST), [manifest.as_bytes()])
        pruned = _prune(files, keep, hold) if keep else []
    return BackupResult(
        manifest=manifest,
        copied_count=copy.copied_count,
        copied_bytes=copy.copied_bytes,
        unreadable=copy.unreadable,
        pruned=pruned,
    )


def _prune(files: BackupFiles, keep: int, hold: Hold) -> list[str]:
    """Delete all but the newest backups, then the content that none of these uses; return the names of the deleted."""
    # The hold keeps other backups from using that content meanwhile.
    manifests = read_manifests(files)
    used = {entry["name"] for kept in manifests[-keep:] for entry in read_contents(files, kept)}
    for manifest in manifests[:-keep]:
        hold.check()
        for file in (MANIFEST, "dump", "contents"):
            files.destination.delete(manifest.path(file))
    for number, (name, _) in enumerate(files.destination.list_files("content")):
        if number % BATCH == 0:
            hold.check()
        if name not in used:
            files.destination.delete(name)
    files.destination.clear_unfinished()
    return [manifest.name for manifest in manifests[:-keep]]


def read_contents(files: BackupFiles, manifest: Manifest) -> Iterator[dict[str, Any]]:
    """Yield sha256, size, uris and file name of each object in a backup; raises `BackupDamagedError`."""
    rest = b""
    for chunk in files.read(manifest.path("contents")):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            entry = json.loads(line)
            if "error" not in entry:
                yield {**entry, "name": files.content_name(entry["sha256"])}


class _ContentCopy:
    """Copies of objects into the destination, and the list of the backup's content."""

    def __init__(self, files: BackupFiles, contents: IO[bytes]) -> None:
        self.object_count = self.object_bytes = self.copied_count = self.copied_bytes = 0
        self.unreadable_count = 0
        self.unreadable: list[str] = []
        self._files = files
        self._contents = contents
        self._stores = StorePool()
        self._present = dict(files.destination.list_files("content"))

    def copy(self, lines: Iterable[bytes]) -> None:
        """Copy the objects of some lines that are not in the destination; raises `BackupError`."""
        entries = [json.loads(line) for line in lines]
        for entry, answer in zip(entries, map_concurrently(self._copy, entries), strict=True):
            if isinstance(answer, str):
                self.unreadable_count += 1
                self.unreadable += [answer] if len(self.unreadable) < MAX_LISTED else []
                entry["error"] = answer
            else:
                entry["size"], is_copied = answer
                self.object_count += 1
                self.object_bytes += entry["size"]
                self.copied_count += is_copied
                self.copied_bytes += entry["size"] * is_copied
            self._contents.write(json.dumps(entry).encode() + b"\n")

    def _copy(self, entry: Mapping[str, Any]) -> tuple[int, bool] | str:
        """Return the size and whether the object was copied, or why it cannot be read."""
        name = self._files.content_name(entry["sha256"])
        present = self._present.get(name)
        # The size of a row is 0 until its writer sets it. A truncated file is copied again.
        if present is not None and entry["size"] in (0, self._files.plain_size(present)):
            return self._files.plain_size(present), False
        error = ""
        for uri in entry["uris"]:
            digest = FileDigest()
            try:
                self._stores.call(parse_uri(uri).backend, partial(self._write, name, uri, digest))
            except StoreSkippedError as skipped:
                reason = self._stores.failure_reasons[skipped.backend]
                raise BackupError(f"{reason} The backup is incomplete.", ExitCode.FAILED) from None
            except ContentError as failure:
                error = error or str(failure)
            else:
                return digest.facts().size, True
        return error

    def _write(self, name: str, uri: str, digest: FileDigest, store: ContentStore) -> None:
        self._files.write(name, digest.track(store.iter_chunks(uri)))


def _write_file(files: BackupFiles, name: str, chunks: Iterable[bytes], reporter: ProgressReporter) -> FileFacts:
    digest = FileDigest()

    def report() -> Iterator[bytes]:
        for chunk in digest.track(chunks):
            yield chunk
            reporter.advance(len(chunk))

    files.write(name, report())
    return digest.facts()


def _delete_incomplete(files: BackupFiles) -> None:
    """Delete the dumps of backups that stopped, and files in progress; their content is kept."""
    names = [name for name, _ in files.destination.list_files(FOLDER)]
    complete = {name.rpartition("/")[0] for name in names if name.endswith(f"/{MANIFEST}")}
    for name in names:
        if name.rpartition("/")[0] not in complete:
            files.destination.delete(name)
    files.destination.clear_unfinished()
