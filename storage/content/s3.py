"""The S3 backend: objects in one bucket."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from storage.content.base import (
    CHUNK,
    CONTENT,
    PLACEHOLDER_BUCKET,
    WRITERS,
    ContentNotFoundError,
    ContentStore,
    InvalidUriError,
    ListedObject,
    StorageUri,
    StoredObject,
    is_sha256,
    is_valid_uri,
    parse_uri,
)
from storage.content.s3_client import (
    NOT_FOUND,
    build_unavailable_error,
    read_error_code,
    read_status,
    translate_errors,
)
from storage.content.spool import spool_content

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_s3.type_defs import HeadObjectOutputTypeDef, ObjectTypeDef

# The limit of one PUT. A multipart upload has a checksum other than the hash of the whole, and no document is so large.
MAX_SIZE = 5 << 30


class S3ContentStore(ContentStore):
    """Objects named by their hash, `PREFIX/ab/abcd...`. Pipelines store theirs as `docs/HASH/NAME` in the same bucket.

    Credentials need s3:GetObject, s3:PutObject and s3:DeleteObject on the prefix and on `docs/`, and s3:ListBucket on
    the bucket: without it S3 answers 403 for a missing object.
    """

    backend_type = "s3"

    def __init__(self, client: "S3Client", bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix

    def build_uri(self, sha256: str, name: str = "") -> str:
        """Return the URI of an object, in the form of pipelines if it has a name."""
        return f"s3://{self._bucket}/docs/{sha256}/{name}" if name else super().build_uri(sha256)

    def put(self, content: bytes | Iterable[bytes], at: str | None = None) -> StoredObject:
        """Spool and hash the content, then send it in one atomic request.

        Raises `ContentTooLargeError` above 5 GiB.
        """
        # No `If-None-Match: *`: an existing object must be overwritten, so that a corrupt copy is repaired and a
        # concurrent deletion cannot win. PUT replaces the object atomically and renews its modification time.
        with spool_content(content, MAX_SIZE) as spool:
            sha256 = spool.digest.hex()
            stored = StoredObject(sha256, at or self.build_uri(sha256), spool.size)
            key = self._build_key(self._get_target(stored))
            with translate_errors():
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=spool.file,
                    ContentLength=spool.size,
                    # S3 verifies it on arrival.
                    ChecksumSHA256=b64encode(spool.digest).decode(),
                )
            return stored

    def put_many(self, contents: Sequence[bytes]) -> list[StoredObject]:
        """Send from many threads; a failure cancels those not yet started."""
        with ThreadPoolExecutor(WRITERS) as writers:
            return list(writers.map(self.put, contents))

    def get_size(self, uri: str) -> int:
        """Return the size of the object."""
        return self._head_location(uri, self._locate(uri))["ContentLength"]

    def get_modified_at(self, uri: str) -> datetime:
        """Return the time of the last PUT, the latest of several copies."""
        return max(self._head_location(uri, location)["LastModified"] for location in self._list_locations(uri))

    def _parse(self, uri: str) -> StorageUri:
        parsed = super()._parse(uri)
        # The pipelines' database function writes a placeholder.
        is_placeholder = parsed.bucket == PLACEHOLDER_BUCKET and parsed.name == CONTENT
        if parsed.bucket and parsed.bucket != self._bucket and not is_placeholder:
            raise InvalidUriError(f"{uri[:200]!r} is in another bucket than CONTENT_S3_BUCKET.")
        return parsed

    def _delete_location(self, uri: str, location: str) -> bool:
        """Delete the object. A versioned bucket retains its bytes until its lifecycle rules expire them."""
        try:
            self._head_location(uri, location)
        except ContentNotFoundError:
            return False
        with translate_errors():
            self._client.delete_object(Bucket=self._bucket, Key=self._build_key(location))
        return True

    def _list_own(self, sha256: str) -> Iterator[ListedObject]:
        for entry in self._list_keys(f"{self._prefix}/", f"{sha256[:2]}/{sha256}" if sha256 else ""):
            found = entry["Key"].rpartition("/")[2]
            # The prefix may contain objects of other programs.
            if is_sha256(found) and entry["Key"] == f"{self._prefix}/{found[:2]}/{found}":
                yield ListedObject(self.build_uri(found), entry["Size"], entry["LastModified"])

    def _list_named(self, sha256: str, name: str) -> Iterator[ListedObject]:
        for entry in self._list_keys("docs/", f"{sha256}/{name}" if sha256 else ""):
            uri = f"s3://{self._bucket}/{entry['Key']}"
            if is_valid_uri(uri):
                yield ListedObject(uri, entry["Size"], entry["LastModified"])

    def _list_names(self, uri: str, sha256: str) -> list[str]:
        prefix = f"docs/{sha256}/"
        uris = [f"s3://{self._bucket}/{entry['Key']}" for entry in self._list_keys(prefix)]
        return [parse_uri(uri).name for uri in uris if is_valid_uri(uri)]

    def _list_keys(self, prefix: str, after: str = "") -> "Iterator[ObjectTypeDef]":
        """Yield the keys with a prefix in order, after the key `prefix + after`."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix, StartAfter=f"{prefix}{after}"
        )
        with translate_errors():
            for page in pages:
                yield from page.get("Contents", [])

    def _head_location(self, uri: str, location: str) -> "HeadObjectOutputTypeDef":
        with translate_errors():
            try:
                return self._client.head_object(Bucket=self._bucket, Key=self._build_key(location))
            except ClientError as error:
                raise self._translate_missing(uri, error) from None

    def _read_location(self, uri: str, location: str) -> Iterator[bytes]:
        with translate_errors():
            try:
                body = self._client.get_object(Bucket=self._bucket, Key=self._build_key(location))["Body"]
            except ClientError as error:
                raise self._translate_missing(uri, error) from None
            with closing(body):
                while chunk := body.read(CHUNK):
                    yield chunk

    def _translate_missing(self, uri: str, error: ClientError) -> Exception:
        """Return "not found" only if the bucket exists: a missing bucket is an unavailable store."""
        if read_status(error) != NOT_FOUND:
            return build_unavailable_error(error)
        if read_error_code(error) != "NoSuchKey":
            # The answer to HEAD has no body, so it does not show whether the object or the bucket is missing.
            with translate_errors():
                self._client.head_bucket(Bucket=self._bucket)
        return ContentNotFoundError(f"The content store has no object at {uri}.")

    def _build_key(self, location: str) -> str:
        return location if location.startswith("docs/") else f"{self._prefix}/{location}"
