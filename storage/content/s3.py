"""The S3 backend: content as objects of one bucket."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from storage.content.address import address, hash_of, is_hash
from storage.content.errors import ContentMissing
from storage.content.interface import CHUNK, WRITERS, Held, Stored
from storage.content.s3_errors import NOT_FOUND, code, status, told, unavailable
from storage.content.spool import spooled
from storage.content.verified import verified

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_s3.type_defs import HeadObjectOutputTypeDef

# What S3 takes in one PUT. More would need a multipart upload, whose checksum is not the hash of the whole; no
# document comes near it.
MOST = 5 << 30


class S3ContentStore:
    """Content as objects, each named by its hash: `PREFIX/ab/abcd...`.

    The credentials need s3:GetObject, s3:PutObject and s3:DeleteObject on the prefix, and s3:ListBucket on the
    bucket: without that last one S3 says "forbidden" where it means "not there".
    """

    backend_type = "s3"

    def __init__(self, client: "S3Client", bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix

    def put(self, content: bytes | Iterable[bytes]) -> Stored:
        """Hash into a temporary file, then send it in one request, which S3 takes whole or not at all.

        Raises `ContentTooLarge` above 5 GiB.
        """
        # No `If-None-Match: *`, which would spare sending known bytes. Refused as known, they would stay damaged where
        # they are damaged, and be lost where a cleaning that runs at the same time deletes them just after. Written
        # anew they end readable: a PUT replaces the object in one step, by the same bytes, and makes it young.
        with spooled(content, MOST) as spool:
            sha256 = spool.digest.hex()
            with told():
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=self._key(sha256),
                    Body=spool.file,
                    ContentLength=spool.size,
                    # S3 hashes what arrives and refuses it where this is another.
                    ChecksumSHA256=b64encode(spool.digest).decode(),
                )
            return Stored(sha256, address(self.backend_type, sha256), spool.size)

    def put_all(self, contents: Sequence[bytes]) -> list[Stored]:
        """Send from many threads; after a failure, what has not begun is not begun."""
        with ThreadPoolExecutor(WRITERS) as writers:
            return list(writers.map(self.put, contents))

    def chunks(self, uri: str) -> Iterator[bytes]:
        """Give the bytes a mebibyte at a time. A connection that breaks raises `ContentUnavailable`."""
        return verified(uri, hash_of(uri, self.backend_type), self._pieces(uri))

    def read(self, uri: str) -> bytes:
        """Give all the bytes at once."""
        return b"".join(self.chunks(uri))

    def holds(self, uri: str) -> bool:
        """Whether there is an object of that hash."""
        try:
            self.size(uri)
        except ContentMissing:
            return False
        return True

    def size(self, uri: str) -> int:
        """The size of the object."""
        return self._head(uri)["ContentLength"]

    def modified(self, uri: str) -> datetime:
        """When the object was put."""
        return self._head(uri)["LastModified"]

    def delete(self, uri: str) -> bool:
        """Remove the object. In a bucket with versions, S3 keeps its bytes until the bucket's own rules drop them."""
        if not self.holds(uri):
            return False
        with told():
            self._client.delete_object(Bucket=self._bucket, Key=self._key(hash_of(uri, self.backend_type)))
        return True

    def addresses(self, *, after: str | None = None) -> Iterator[Held]:
        """List a thousand at a time."""
        start = self._key(hash_of(after, self.backend_type)) if after is not None else f"{self._prefix}/"
        return self._listed(start)

    def _listed(self, start: str) -> Iterator[Held]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{self._prefix}/", StartAfter=start
        )
        with told():
            for page in pages:
                for found in page.get("Contents", []):
                    sha256 = found["Key"].rpartition("/")[2]
                    # What others keep under the prefix is no content of ours.
                    if is_hash(sha256) and found["Key"] == self._key(sha256):
                        yield Held(address(self.backend_type, sha256), found["Size"], found["LastModified"])

    def _head(self, uri: str) -> "HeadObjectOutputTypeDef":
        key = self._key(hash_of(uri, self.backend_type))
        with told():
            try:
                return self._client.head_object(Bucket=self._bucket, Key=key)
            except ClientError as error:
                raise self._missing_or_unavailable(uri, error) from None

    def _pieces(self, uri: str) -> Iterator[bytes]:
        key = self._key(hash_of(uri, self.backend_type))
        with told():
            try:
                body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
            except ClientError as error:
                raise self._missing_or_unavailable(uri, error) from None
            with closing(body):
                while piece := body.read(CHUNK):
                    yield piece

    def _missing_or_unavailable(self, uri: str, error: ClientError) -> Exception:
        """Only an object that is not in a bucket that is there is missing; whoever loses the bucket loses nothing."""
        if status(error) != NOT_FOUND:
            return unavailable(error)
        if code(error) != "NoSuchKey":
            # The answer to a HEAD has no body that could say whether it is the object or the bucket.
            with told():
                self._client.head_bucket(Bucket=self._bucket)
        return ContentMissing(f"The content store holds nothing under {uri}.")

    def _key(self, sha256: str) -> str:
        return f"{self._prefix}/{sha256[:2]}/{sha256}"
