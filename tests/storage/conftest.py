"""Content stores for tests: on disk and on a local S3 server."""

import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.loaders import create_loader

from storage.content.s3_client import get_s3_client
from tests.storage.content.harness import (
    BUCKET,
    StoreHarness,
    build_s3_location,
    create_local_harness,
    create_s3_harness,
)
from tests.storage.content.s3_server import run_s3_server

ACCESS_KEY, SECRET_KEY = "AKIATESTSTESTSTESTS0", "planted-secret-of-the-tests"


@pytest.fixture(scope="session", autouse=True)
def _shared_service_models() -> Iterator[None]:
    """Read botocore's description of S3 once: that takes most of the time of creating a client."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(create_loader))
        yield


@pytest.fixture
def s3_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set credentials in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Endpoint of an S3 server with the bucket `BUCKET`."""
    with run_s3_server() as endpoint, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        get_s3_client(build_s3_location(endpoint)).create_bucket(Bucket=BUCKET)
        patch.undo()
        yield endpoint


@pytest.fixture
def local_harness(tmp_path: Path) -> StoreHarness:
    """Empty local store."""
    return create_local_harness(tmp_path / "content")


@pytest.fixture
def s3_harness(s3_credentials: None, s3_endpoint: str) -> StoreHarness:
    """Empty S3 store under a unique prefix."""
    return create_s3_harness(s3_endpoint, f"tests/{uuid.uuid4().hex}")


@pytest.fixture(params=["local", "s3"])
def harness(request: pytest.FixtureRequest) -> StoreHarness:
    """Empty store of each backend."""
    found: StoreHarness = request.getfixturevalue({"local": "local_harness", "s3": "s3_harness"}[request.param])
    return found


@pytest.fixture
def local_site(settings: Any, tmp_path: Path) -> Path:
    """Empty folder of the site's local store."""
    settings.CONTENT_ROOT = tmp_path / "site"
    settings.CONTENT_ROOT.mkdir()
    return tmp_path / "site"


@pytest.fixture
def both_tiers(settings: Any, local_site: Path, s3_credentials: None, s3_endpoint: str) -> str:
    """Empty local and S3 stores of the site; the S3 prefix."""
    settings.CONTENT_S3_BUCKET = BUCKET
    settings.CONTENT_S3_PREFIX = f"tests/{uuid.uuid4().hex}"
    settings.CONTENT_S3_ENDPOINT = s3_endpoint
    settings.CONTENT_S3_REGION = "us-east-1"
    return str(settings.CONTENT_S3_PREFIX)
