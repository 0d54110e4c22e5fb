"""Content stores for tests: on a disk, and on an S3 server on loopback that is spoken to over HTTP."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.content import s3_client
from tests.storage.content.s3_server import s3_server
from tests.storage.content.shelves import BUCKET, Shelf, local_shelf, s3_place, s3_shelf

ACCESS_KEY, SECRET_KEY = "AKIATESTSTESTSTESTS0", "planted-secret-of-the-tests"


@pytest.fixture
def s3_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials where boto3 looks first."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The address of a server that has the bucket `BUCKET`."""
    with s3_server() as endpoint, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        s3_client(s3_place(endpoint)).create_bucket(Bucket=BUCKET)
        patch.undo()
        yield endpoint


@pytest.fixture
def on_disk(tmp_path: Path) -> Shelf:
    """An empty local store."""
    return local_shelf(tmp_path / "content")


@pytest.fixture
def on_s3(s3_credentials: None, s3_endpoint: str) -> Shelf:
    """An empty store on S3: a prefix of its own."""
    return s3_shelf(s3_endpoint, f"tests/{uuid.uuid4().hex}")


@pytest.fixture(params=["local", "s3"])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    """An empty store of each backend."""
    found: Shelf = request.getfixturevalue({"local": "on_disk", "s3": "on_s3"}[request.param])
    return found


@pytest.fixture
def local_site(settings: Any, tmp_path: Path) -> Path:
    """The folder of the site's own local store, which is empty."""
    settings.CONTENT_ROOT = tmp_path / "site"
    settings.CONTENT_ROOT.mkdir()
    return tmp_path / "site"


@pytest.fixture
def both_tiers(settings: Any, local_site: Path, s3_credentials: None, s3_endpoint: str) -> str:
    """A site with a local store and one on S3, both empty; the prefix on S3."""
    settings.CONTENT_S3_BUCKET = BUCKET
    settings.CONTENT_S3_PREFIX = f"tests/{uuid.uuid4().hex}"
    settings.CONTENT_S3_ENDPOINT = s3_endpoint
    settings.CONTENT_S3_REGION = "us-east-1"
    return str(settings.CONTENT_S3_PREFIX)
