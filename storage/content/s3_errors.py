"""What an S3 service or its client says, as errors of the content store.

Their own texts are left out: they hold endpoints, names of buckets, ids of keys, and what a stranger's server likes to
write. The status and the code say enough, and nothing is chained that a traceback would print.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions

from storage.content.errors import ContentUnavailable

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
_TOO_LATE = (exceptions.ConnectTimeoutError, exceptions.ReadTimeoutError)


@contextmanager
def told() -> Iterator[None]:
    """Raise `ContentUnavailable` instead of what the client raises."""
    try:
        yield
    except (exceptions.ClientError, exceptions.BotoCoreError) as error:
        raise unavailable(error) from None
    except RecursionError:
        # A redirect that does not name a region, such as that of a proxy from http to https, makes botocore ask the
        # same server for the region, which redirects, which makes it ask.
        raise ContentUnavailable(
            "The S3 content store sends us elsewhere: see to CONTENT_S3_ENDPOINT and CONTENT_S3_REGION."
        ) from None


def status(error: exceptions.ClientError) -> int:
    """The HTTP status of an answer."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def code(error: exceptions.ClientError) -> str:
    """The code of an answer, such as `NoSuchKey`; empty where it has none that is a plain word."""
    said = str(error.response.get("Error", {}).get("Code", ""))
    return said if re.fullmatch(r"[A-Za-z][A-Za-z.]{0,60}", said) else ""


def unavailable(error: Exception) -> ContentUnavailable:
    """The error that says why the store cannot be asked, and what to see to."""
    return ContentUnavailable(f"The S3 content store {_why(error)}.")


def _why(error: Exception) -> str:
    if isinstance(error, exceptions.ClientError):
        answer = " ".join(str(part) for part in (status(error), code(error)) if part)
        if status(error) in {401, 403}:
            return f"refuses us ({answer}): see to the credentials and to what they may do"
        if status(error) == NOT_FOUND:
            return f"has no such bucket ({answer}): see to CONTENT_S3_BUCKET and CONTENT_S3_ENDPOINT"
        if 300 <= status(error) < 400 or code(error) == "AuthorizationHeaderMalformed":
            return f"sends us elsewhere ({answer}): see to CONTENT_S3_ENDPOINT and CONTENT_S3_REGION"
        return f"does not do what it is asked for ({answer}): try again later"
    if isinstance(error, _NO_CREDENTIALS):
        return "finds no credentials: set them as boto3 expects them, such as AWS_ACCESS_KEY_ID and its secret"
    if isinstance(error, _TOO_LATE):
        return "does not answer in time: try again later, or see to CONTENT_S3_ENDPOINT"
    if isinstance(error, (exceptions.HTTPClientError, exceptions.ConnectionError)):
        return "cannot be reached, or breaks off: try again later, or see to CONTENT_S3_ENDPOINT"
    return f"cannot be used ({type(error).__name__}): see to how it is configured"
