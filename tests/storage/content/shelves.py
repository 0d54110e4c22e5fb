"""What the tests do behind a store's back."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storage.content import ContentStore, LocalContentStore, S3ContentStore, S3Place, s3_client

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

BUCKET = "ncfd-tests"


@dataclass(frozen=True, slots=True)
class Shelf:
    """A store, with a hand in its backend: write any bytes under a hash, take them away, count what lies there."""

    store: ContentStore
    overwrite: Callable[[str, bytes], object]
    take: Callable[[str], object]
    count: Callable[[], int]
    place: Callable[[str, bytes], object]  # under any name beside the hashes


def local_shelf(root: Path) -> Shelf:
    """A shelf on this disk."""
    root.mkdir(parents=True)

    def place(name: str, data: bytes) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    return Shelf(
        store=LocalContentStore(root),
        overwrite=lambda sha256, data: place(f"{sha256[:2]}/{sha256}", data),
        take=lambda sha256: (root / sha256[:2] / sha256).unlink(),
        count=lambda: sum(path.is_file() for path in root.rglob("*")),
        place=place,
    )


def s3_shelf(endpoint: str, prefix: str) -> Shelf:
    """A shelf on that server; whoever else uses it has another prefix."""
    client: S3Client = s3_client(s3_place(endpoint))

    def place(name: str, data: bytes) -> None:
        client.put_object(Bucket=BUCKET, Key=f"{prefix}/{name}", Body=data)

    return Shelf(
        store=S3ContentStore(client, BUCKET, prefix),
        overwrite=lambda sha256, data: place(f"{sha256[:2]}/{sha256}", data),
        take=lambda sha256: client.delete_object(Bucket=BUCKET, Key=f"{prefix}/{sha256[:2]}/{sha256}"),
        count=lambda: client.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/")["KeyCount"],
        place=place,
    )


def s3_place(endpoint: str, *, timeout: float = 10, attempts: int = 2) -> S3Place:
    """The bucket of the tests on that server."""
    return S3Place(
        BUCKET,
        endpoint=endpoint,
        region="us-east-1",
        connect_timeout=timeout,
        read_timeout=timeout,
        attempts=attempts,
    )
