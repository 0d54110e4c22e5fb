"""The client of an S3 service: where it is, how long it is waited for."""

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError

from storage.content.interface import WRITERS
from storage.content.s3_errors import unavailable

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client


@dataclass(frozen=True, slots=True)
class S3Place:
    """Where content lies on S3, and how patient the client is. Holds no credentials.

    `prefix` is what all keys begin with, without a slash at its ends. Without `endpoint` it is Amazon's, without
    `region` the one that boto3 finds. The timeouts are seconds for one connection and for one wait for bytes;
    `attempts` counts the first one in.
    """

    bucket: str
    prefix: str = "content"
    endpoint: str = ""
    region: str = ""
    connect_timeout: float = 5
    read_timeout: float = 30
    attempts: int = 3


def s3_client(place: S3Place) -> "S3Client":
    """A client for that place, which threads may share, with the credentials of boto3's own chain.

    Raises `ContentUnavailable` where boto3 is set up so that it can make none.
    """
    return _client(place, os.getpid())


@lru_cache(maxsize=4)
def _client(place: S3Place, _process: int) -> "S3Client":
    # Loading boto3 takes a fifth of a second, and most commands need no S3.
    import boto3.session
    from botocore.config import Config

    # Making a client takes as long as many requests, so it is kept; not across a fork, where two processes would talk
    # on the same connections.
    try:
        return boto3.session.Session().client(
            "s3",
            endpoint_url=place.endpoint or None,
            region_name=place.region or None,
            config=Config(
                connect_timeout=place.connect_timeout,
                read_timeout=place.read_timeout,
                retries={"mode": "standard", "total_max_attempts": place.attempts},
                max_pool_connections=WRITERS,
                # Services that are not Amazon's seldom answer under a host name for each bucket.
                s3={"addressing_style": "path" if place.endpoint else "auto"},
                # Content goes out with its SHA-256 and is hashed when it comes in: a second checksum on top, which
                # some services do not understand, would tell nothing new.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
    except (BotoCoreError, ValueError) as error:
        raise unavailable(error) from None
