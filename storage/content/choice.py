"""Which store there is: the local one always, the one on S3 where it is configured."""

from django.conf import settings

from ncfd_site.config.errors import ConfigurationError
from storage.content.address import backend_of
from storage.content.interface import ContentStore
from storage.content.local import LocalContentStore
from storage.content.s3 import S3ContentStore
from storage.content.s3_client import S3Place, s3_client


def content_store(backend_type: str = LocalContentStore.backend_type) -> ContentStore:
    """The store of this site with that backend, `local` or `s3`; raises `Misconfigured` where there is none."""
    if backend_type == LocalContentStore.backend_type:
        return LocalContentStore(settings.CONTENT_ROOT)
    if backend_type != S3ContentStore.backend_type:
        raise ConfigurationError(f"There is no content store {backend_type!r}: the backends are local and s3.")
    if not settings.CONTENT_S3_BUCKET:
        raise ConfigurationError(
            "The S3 content store is not configured: set CONTENT_S3_BUCKET to the bucket that holds the content."
        )
    place = S3Place(
        bucket=settings.CONTENT_S3_BUCKET,
        prefix=settings.CONTENT_S3_PREFIX,
        endpoint=settings.CONTENT_S3_ENDPOINT,
        region=settings.CONTENT_S3_REGION,
    )
    return S3ContentStore(s3_client(place), place.bucket, place.prefix)


def store_of(uri: str) -> ContentStore:
    """The store that an address names; raises `ContentAddressRefused`, or `Misconfigured` where it is not set up."""
    return content_store(backend_of(uri))
