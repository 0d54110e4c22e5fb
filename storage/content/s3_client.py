"""The S3 client, and the translation of its errors.

Botocore's messages are dropped and not chained: they contain endpoints, bucket names, key IDs and text of the server.
Status and error code are enough.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from botocore import exceptions

from storage.content.base import WRITERS, StoreUnavailableError

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

NOT_FOUND = 404
_NO_CREDENTIALS = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.NoAuthTokenError,
    exceptions.TokenRetrievalError,
    exceptions.UnauthorizedSSOTokenError,
    exceptions.ProfileNotFound,
)
_TIMEOUTS = (exceptions.ConnectTimeoutError, exceptions.ReadTimeoutError)


@dataclass(frozen=True, slots=True)
class S3Location:
    """A bucket and key prefix, with the client's timeouts in seconds. Contains no credentials.

    `prefix` has no slash at either end. An empty `endpoint` is Amazon's, an empty `region` is left to boto3.
    """

    bucket: str
    prefix: str = "content"
    endpoint: str = ""
    region: str = ""
    connect_timeout: float = 5
    read_timeout: float = 30
    max_attempts: int = 3


def get_s3_client(location: S3Location) -> "S3Client":
    """Return a thread-safe client with the credentials of boto3's own chain.

    Raises `StoreUnavailableError` if boto3's configuration is invalid.
    """
    return _create_client(location, os.getpid())


@lru_cache(maxsize=4)
def _create_client(location: S3Location, _process: int) -> "S3Client":
    # Importing boto3 takes 0.2 seconds, and most commands need no S3.
    import boto3.session
    from botocore.config import Config

    # Creating a client costs as much as many requests, so it is cached; by process, since forks must not share sockets.
    try:
        return boto3.session.Session().client(
            "s3",
            endpoint_url=location.endpoint or None,
            region_name=location.region or None,
            config=Config(
                connect_timeout=location.connect_timeout,
                read_timeout=location.read_timeout,
                retries={"mode": "standard", "total_max_attempts": location.max_attempts},
                max_pool_connections=WRITERS,
                # Most other S3 services have no host name per bucket.
                s3={"addressing_style": "path" if location.endpoint else "auto"},
                # SHA-256 is sent and verified anyway; some services reject additional checksums.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
    except (exceptions.BotoCoreError, ValueError) as error:
        raise build_unavailable_error(error) from None


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raise `StoreUnavailableError` for every error of the client."""
    try:
        yield
    except (exceptions.ClientError, exceptions.BotoCoreError) as error:
        raise build_unavailable_error(error) from None
    except RecursionError:
        # On a redirect without a region (a proxy from HTTP to HTTPS), botocore asks the same server for the region,
        # which redirects again.
        raise StoreUnavailableError(
            "The S3 content store redirects in a loop. Check CONTENT_S3_ENDPOINT and CONTENT_S3_REGION."
        ) from None


def read_status(error: exceptions.ClientError) -> int:
    """Return the HTTP status of an answer, 0 if unknown."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def read_error_code(error: exceptions.ClientError) -> str:
    """Return the error code of an answer, such as `NoSuchKey`; empty if it is not a plain word."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return code if re.fullmatch(r"[A-Za-z][A-Za-z.]{0,60}", code) else ""


def build_unavailable_error(error: Exception) -> StoreUnavailableError:
    """Return an error with the reason and the setting to check."""
    return StoreUnavailableError(f"The S3 content store {_describe_s3_error(error)}.")


def _describe_s3_error(error: Exception) -> str:
    if isinstance(error, exceptions.ClientError):
        answer = " ".join(str(part) for part in (read_status(error), read_error_code(error)) if part)
        if read_status(error) in {401, 403}:
            return f"denied access ({answer}). Check the credentials and their permissions"
        if read_status(error) == NOT_FOUND:
            return f"has no such bucket ({answer}). Check CONTENT_S3_BUCKET and CONTENT_S3_ENDPOINT"
        if 300 <= read_status(error) < 400 or read_error_code(error) == "AuthorizationHeaderMalformed":
            return f"redirects elsewhere ({answer}). Check CONTENT_S3_ENDPOINT and CONTENT_S3_REGION"
        return f"failed ({answer}). Try again later"
    if isinstance(error, _NO_CREDENTIALS):
        return "has no credentials. Set them for boto3, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if isinstance(error, _TIMEOUTS):
        return "timed out. Try again later, or check CONTENT_S3_ENDPOINT"
    if isinstance(error, (exceptions.HTTPClientError, exceptions.ConnectionError)):
        return "cannot be reached. Try again later, or check CONTENT_S3_ENDPOINT"
    return f"cannot be used ({type(error).__name__}). Check its configuration"
