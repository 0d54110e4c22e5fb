"""Content stores with direct access to their backends."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storage.content import ContentStore
from storage.content.local import LocalContentStore
from storage.content.s3 import S3ContentStore
from storage.content.s3_client import S3Location, get_s3_client

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

BUCKET = "ncfd-tests"


@dataclass(frozen=True, slots=True)
class StoreHarness:
    """A store, and functions that change its backend directly."""

    store: ContentStore
    overwrite: Callable[[str, bytes], object]  # any bytes under a hash
    remove: Callable[[str], object]
    count: Callable[[], int]
    write_file: Callable[[str, bytes], object]  # under any name


def create_local_harness(root: Path) -> StoreHarness:
    """Return a harness of an empty local store."""
    root.mkdir(parents=True)

    def write_file(name: str, data: bytes) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    return StoreHarness(
        store=LocalContentStore(root),
        overwrite=lambda sha256, data: write_file(f"{sha256[:2]}/{sha256}", data),
        remove=lambda sha256: (root / sha256[:2] / sha256).unlink(),
        count=lambda: sum(path.is_file() for path in root.rglob("*")),
        write_file=write_file,
    )


def create_s3_harness(endpoint: str, prefix: str) -> StoreHarness:
    """Return a harness of the store under a prefix, which isolates it from other tests."""
    client: S3Client = get_s3_client(build_s3_location(endpoint))

    def write_file(name: str, data: bytes) -> None:
        client.put_object(Bucket=BUCKET, Key=f"{prefix}/{name}", Body=data)

    return StoreHarness(
        store=S3ContentStore(client, BUCKET, prefix),
        overwrite=lambda sha256, data: write_file(f"{sha256[:2]}/{sha256}", data),
        remove=lambda sha256: client.delete_object(Bucket=BUCKET, Key=f"{prefix}/{sha256[:2]}/{sha256}"),
        count=lambda: client.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/")["KeyCount"],
        write_file=write_file,
    )


def build_s3_location(endpoint: str, *, timeout: float = 10, max_attempts: int = 2) -> S3Location:
    """Return the location of the test bucket on a server."""
    return S3Location(
        BUCKET,
        endpoint=endpoint,
        region="us-east-1",
        connect_timeout=timeout,
        read_timeout=timeout,
        max_attempts=max_attempts,
    )
