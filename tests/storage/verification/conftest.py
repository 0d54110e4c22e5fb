"""Site with stores of the test."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.storage.content.harness import BUCKET, create_local_harness, create_s3_harness
from tests.storage.verification.site import Site


@pytest.fixture
def site(settings: Any, tmp_path: Path, s3_credentials: None, s3_endpoint: str) -> Site:
    """Site with an empty local store and an empty S3 store."""
    prefix = f"tests/{uuid.uuid4().hex}"
    settings.CONTENT_ROOT = tmp_path / "content"
    settings.CONTENT_S3_BUCKET = BUCKET
    settings.CONTENT_S3_PREFIX = prefix
    settings.CONTENT_S3_ENDPOINT = s3_endpoint
    settings.CONTENT_S3_REGION = "us-east-1"
    harnesses = {"local": create_local_harness(settings.CONTENT_ROOT), "s3": create_s3_harness(s3_endpoint, prefix)}
    return Site(harnesses, settings.CONTENT_ROOT)
