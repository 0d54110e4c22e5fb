"""The configured content stores: local disk always, S3 when a bucket is set."""

from django.conf import settings

from ncfd_site.config.errors import ConfigurationError
from storage.content.base import ContentStore, parse_backend
from storage.content.local import LocalContentStore
from storage.content.s3 import S3ContentStore
from storage.content.s3_client import S3Location, get_s3_client


def get_content_store(backend_type: str = LocalContentStore.backend_type) -> ContentStore:
    """Return the store of a backend, `local` or `s3`; raises `ConfigurationError` if it is unknown or not set up."""
    if backend_type == LocalContentStore.backend_type:
        return LocalContentStore(settings.CONTENT_ROOT)
    if backend_type != S3ContentStore.backend_type:
        raise ConfigurationError(f"Unknown content store {backend_type!r}. Use local or s3.")
    if not settings.CONTENT_S3_BUCKET:
        raise ConfigurationError("The S3 content store is not configured. Set CONTENT_S3_BUCKET to the bucket's name.")
    location = S3Location(
        bucket=settings.CONTENT_S3_BUCKET,
        prefix=settings.CONTENT_S3_PREFIX,
        endpoint=settings.CONTENT_S3_ENDPOINT,
        region=settings.CONTENT_S3_REGION,
    )
    return S3ContentStore(get_s3_client(location), location.bucket, location.prefix)


def get_content_store_for(uri: str) -> ContentStore:
    """Return the store that a URI names; raises `InvalidUriError`, or `ConfigurationError` if it is not set up."""
    return get_content_store(parse_backend(uri))
