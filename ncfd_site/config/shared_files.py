"""The folder or bucket of the files that all sites and workers share, as an entry of Django's STORAGES."""

import re
from pathlib import Path
from typing import Any

from ncfd_site.config import environment
from ncfd_site.config.errors import ConfigurationError

_S3 = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/([A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*)/?")


def build_storage(default: Path, endpoint: str, region: str) -> dict[str, Any]:
    """Return the storage that SHARED_ROOT names. Raises `ConfigurationError`."""
    text = environment.read_text("SHARED_ROOT")
    if not text.startswith("s3://"):
        folder = environment.read_folder("SHARED_ROOT", default=default)
        options = {"location": folder, "file_permissions_mode": 0o600, "directory_permissions_mode": 0o700}
        backend = "django.core.files.storage.FileSystemStorage"
        return {"BACKEND": backend, "OPTIONS": {**options, "allow_overwrite": True}}
    if not (match := _S3.fullmatch(text)):
        raise ConfigurationError(f"SHARED_ROOT is {text!r}. Set it to a folder or to s3://BUCKET/PREFIX.")
    from botocore.config import Config  # takes as long as the other settings together

    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": match[1],
            "location": match[2],
            "endpoint_url": endpoint or None,
            "region_name": region or None,
            "max_memory_size": 4 << 20,
            # As for the content store: `storage.content.s3_client` has the reasons.
            "client_config": Config(
                connect_timeout=5,
                read_timeout=30,
                retries={"mode": "standard", "total_max_attempts": 3},
                s3={"addressing_style": "path" if endpoint else "auto"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        },
    }
