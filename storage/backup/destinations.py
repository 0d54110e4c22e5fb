"""Places for backups and snapshots, a folder or a prefix in a bucket: files that appear whole or not at all."""

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, cast

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings

from ncfd_site.config.errors import ConfigurationError
from storage.backup.errors import BackupFileMissingError, BackupStoreError
from storage.content.base import CHUNK
from storage.content.s3_client import NOT_FOUND, S3Location, build_unavailable_error, get_s3_client, read_status
from storage.content.spool import write_all

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

_S3 = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/([A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*)/?")
INCOMING = "incoming"


class Destination(Protocol):
    """A place for files named by relative paths. All methods raise `BackupStoreError`."""

    def write(self, name: str, chunks: Iterable[bytes]) -> None:
        """Store a file durably, whole or not at all."""

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a file; raises `BackupFileMissingError`."""

    def list_files(self, folder: str) -> Iterator[tuple[str, int]]:
        """Yield name and size in bytes of each file below a folder, "" for all."""

    def delete(self, name: str) -> None:
        """Delete a file; a missing one is no error."""

    def clear_unfinished(self) -> None:
        """Delete the remains of writers that were killed; none may be writing."""


def parse_s3_location(text: str) -> S3Location | None:
    """Return the location of s3://BUCKET/PREFIX, None for a folder; raises `ConfigurationError`."""
    if not text.startswith("s3://"):
        return None
    match = _S3.fullmatch(text)
    if match is None:
        raise ConfigurationError(f"{text!r} is not a place on S3. Write s3://BUCKET/PREFIX.")
    return S3Location(match[1], match[2], settings.CONTENT_S3_ENDPOINT, settings.CONTENT_S3_REGION)


def open_destination(text: str, purpose: str = "backups") -> Destination:
    """Return the place that a folder or s3://BUCKET/PREFIX names; raises `ConfigurationError`."""
    if location := parse_s3_location(text):
        return S3Destination(get_s3_client(location), location, purpose)
    return FolderDestination(Path(text).expanduser().absolute(), purpose)


class FolderDestination:
    """Files below one folder; those in progress are in `incoming`."""

    def __init__(self, root: Path, purpose: str = "backups") -> None:
        self._root = root
        self._purpose = purpose

    def write(self, name: str, chunks: Iterable[bytes]) -> None:
        """Write a temporary file, sync it and rename it."""
        target, incoming = self._root / name, self._root / INCOMING
        with self._explain():
            incoming.mkdir(parents=True, exist_ok=True)
            if not target.parent.is_dir():
                target.parent.mkdir(parents=True, exist_ok=True)
                # A new folder survives a power failure once the folder above it is synced.
                for folder in (target.parent.parent, self._root, self._root.parent):
                    _sync_folder(folder)
            handle, temporary = tempfile.mkstemp(dir=incoming)
        try:
            for chunk in chunks:
                with self._explain():
                    write_all(handle, chunk)
            with self._explain():
                os.fsync(handle)
                Path(temporary).replace(target)
                _sync_folder(target.parent)
        finally:
            os.close(handle)
            Path(temporary).unlink(missing_ok=True)

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a file."""
        with self._explain(), (self._root / name).open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk

    def list_files(self, folder: str) -> Iterator[tuple[str, int]]:
        """Yield the files below a folder."""
        with self._explain():
            for path in (self._root / folder).rglob("*"):
                if path.is_file():
                    yield path.relative_to(self._root).as_posix(), path.stat().st_size

    def delete(self, name: str) -> None:
        """Delete a file."""
        with self._explain():
            (self._root / name).unlink(missing_ok=True)

    def clear_unfinished(self) -> None:
        """Delete the files in progress, and empty folders."""
        for name, _ in self.list_files(INCOMING):
            self.delete(name)
        for folder in (*self._root.glob("*/*/"), *self._root.glob("*/")):
            with suppress(OSError):  # not empty
                folder.rmdir()

    @contextmanager
    def _explain(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise BackupFileMissingError(f"The folder of {self._purpose} has no file {error.filename}.") from None
        except OSError as error:
            reason = error.strerror or error
            raise BackupStoreError(
                f"The folder of {self._purpose} {self._root} cannot be used: {reason}. Free space or correct its "
                "permissions."
            ) from error


class S3Destination:
    """Objects with one prefix in a bucket. A write is one request, or a multipart upload completed at the end."""

    def __init__(self, client: "S3Client", location: S3Location, purpose: str = "backups") -> None:
        self._client = client
        self._purpose = purpose
        self._bucket = location.bucket
        self._prefix = location.prefix

    def write(self, name: str, chunks: Iterable[bytes]) -> None:
        """Upload without a temporary file; a failed upload is aborted."""
        from boto3.s3.transfer import TransferConfig

        with _explain_s3(self._purpose):
            self._client.upload_fileobj(
                cast(IO[bytes], _ChunkReader(chunks)),
                self._bucket,
                f"{self._prefix}/{name}",
                Config=TransferConfig(use_threads=False),
            )

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of an object."""
        with _explain_s3(self._purpose):
            try:
                body = self._client.get_object(Bucket=self._bucket, Key=f"{self._prefix}/{name}")["Body"]
            except ClientError as error:
                if read_status(error) == NOT_FOUND:
                    raise BackupFileMissingError(f"The bucket of {self._purpose} has no file {name}.") from None
                raise
            with closing(body):
                while chunk := body.read(CHUNK):
                    yield chunk

    def list_files(self, folder: str) -> Iterator[tuple[str, int]]:
        """Yield the objects below a folder."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix="/".join(filter(None, (self._prefix, folder))) + "/"
        )
        with _explain_s3(self._purpose):
            for page in pages:
                for entry in page.get("Contents", []):
                    yield entry["Key"].removeprefix(f"{self._prefix}/"), entry["Size"]

    def delete(self, name: str) -> None:
        """Delete an object."""
        with _explain_s3(self._purpose):
            self._client.delete_object(Bucket=self._bucket, Key=f"{self._prefix}/{name}")

    def clear_unfinished(self) -> None:
        """Abort multipart uploads in progress."""
        with _explain_s3(self._purpose):
            found = self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=f"{self._prefix}/")
            for upload in found.get("Uploads", []):
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"])


class _ChunkReader:
    """A file that can only be read, over chunks."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = bytearray()

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._rest) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._rest += chunk
        taken = bytes(self._rest) if size < 0 else bytes(self._rest[:size])
        del self._rest[: len(taken)]
        return taken


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _explain_s3(purpose: str) -> Iterator[None]:
    # Errors of a content store that is being copied are already translated, and pass.
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        # The settings of the content store apply, but not its bucket.
        text = str(build_unavailable_error(error))
        text = text.replace("S3 content store", f"bucket of {purpose}").replace("CONTENT_S3_BUCKET", "its name")
        raise BackupStoreError(text) from None
