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
    WRITERS,
    ContentNotFoundError,
    ContentStore,
    ListedObject,
    StoredObject,
    build_uri,
    is_sha256,
    parse_hash,
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
    from types_boto3_s3.type_defs import HeadObjectOutputTypeDef

# The limit of one PUT. A multipart upload has a checksum other than the hash of the whole, and no document is so large.
MAX_SIZE = 5 << 30


class S3ContentStore(ContentStore):
    """Objects named by their hash, `PREFIX/ab/abcd...`.

    Credentials need s3:GetObject, s3:PutObject and s3:DeleteObject on the prefix, and s3:ListBucket on the bucket:
    without it S3 answers 403 for a missing object.
    """

    backend_type = "s3"

    def __init__(self, client: "S3Client", bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix

    def put(self, content: bytes | Iterable[bytes]) -> StoredObject:
        """Spool and hash the content, then send it in one atomic request.

        Raises `ContentTooLargeError` above 5 GiB.
        """
        # No `If-None-Match: *`: an existing object must be overwritten, so that a corrupt copy is repaired and a
        # concurrent deletion cannot win. PUT replaces the object atomically and renews its modification time.
        with spool_content(content, MAX_SIZE) as spool:
            sha256 = spool.digest.hex()
            with translate_errors():
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=self._build_key(sha256),
                    Body=spool.file,
                    ContentLength=spool.size,
                    # S3 verifies it on arrival.
                    ChecksumSHA256=b64encode(spool.digest).decode(),
                )
            return StoredObject(sha256, build_uri(self.backend_type, sha256), spool.size)

    def put_many(self, contents: Sequence[bytes]) -> list[StoredObject]:
        """Send from many threads; a failure cancels those not yet started."""
        with ThreadPoolExecutor(WRITERS) as writers:
            return list(writers.map(self.put, contents))

    def get_size(self, uri: str) -> int:
        """Return the size of the object."""
        return self._head_object(uri)["ContentLength"]

    def get_modified_at(self, uri: str) -> datetime:
        """Return the time of the last PUT."""
        return self._head_object(uri)["LastModified"]

    def delete(self, uri: str) -> bool:
        """Delete the object. A versioned bucket retains its bytes until its lifecycle rules expire them."""
        if not self.exists(uri):
            return False
        with translate_errors():
            self._client.delete_object(Bucket=self._bucket, Key=self._build_key(parse_hash(uri, self.backend_type)))
        return True

    def _list_after(self, sha256: str) -> Iterator[ListedObject]:
        start = self._build_key(sha256) if sha256 else f"{self._prefix}/"
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{self._prefix}/", StartAfter=start
        )
        with translate_errors():
            for page in pages:
                for entry in page.get("Contents", []):
                    sha256 = entry["Key"].rpartition("/")[2]
                    # The prefix may contain objects of other programs.
                    if is_sha256(sha256) and entry["Key"] == self._build_key(sha256):
                        yield ListedObject(build_uri(self.backend_type, sha256), entry["Size"], entry["LastModified"])

    def _head_object(self, uri: str) -> "HeadObjectOutputTypeDef":
        key = self._build_key(parse_hash(uri, self.backend_type))
        with translate_errors():
            try:
                return self._client.head_object(Bucket=self._bucket, Key=key)
            except ClientError as error:
                raise self._translate_missing(uri, error) from None

    def _read_chunks(self, uri: str) -> Iterator[bytes]:
        key = self._build_key(parse_hash(uri, self.backend_type))
        with translate_errors():
            try:
                body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
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

    def _build_key(self, sha256: str) -> str:
        return f"{self._prefix}/{sha256[:2]}/{sha256}"
