"""Configured content stores."""

from pathlib import Path
from typing import Any

import pytest

from ncfd_site.config.errors import ConfigurationError
from storage.content import get_content_store, get_content_store_for
from storage.content.local import LocalContentStore
from storage.content.s3 import S3ContentStore
from tests.storage.content.harness import BUCKET

HASH = "0" * 64


@pytest.fixture
def _configured(settings: Any, s3_credentials: None, s3_endpoint: str) -> None:
    settings.CONTENT_S3_BUCKET = BUCKET
    settings.CONTENT_S3_PREFIX = "backends/prefix"
    settings.CONTENT_S3_ENDPOINT = s3_endpoint
    settings.CONTENT_S3_REGION = "eu-central-1"


def test_local_store_uses_content_root(settings: Any, tmp_path: Path) -> None:
    settings.CONTENT_ROOT = tmp_path / "elsewhere"
    stored = get_content_store().put(b"bytes")
    assert stored.uri.startswith("local://")
    assert (tmp_path / "elsewhere" / stored.sha256[:2] / stored.sha256).read_bytes() == b"bytes"


@pytest.mark.usefixtures("_configured")
def test_s3_store_uses_settings() -> None:
    store = get_content_store("s3")
    stored = store.put(b"bytes")
    assert stored.uri == f"s3://{stored.sha256}"
    assert S3ContentStore(store._client, BUCKET, "backends/prefix").read(stored.uri) == b"bytes"  # type: ignore[attr-defined]
    assert get_content_store_for(stored.uri).read(stored.uri) == b"bytes"


@pytest.mark.usefixtures("_configured")
def test_uri_selects_its_store() -> None:
    assert isinstance(get_content_store_for(f"local://{HASH}"), LocalContentStore)
    assert isinstance(get_content_store_for(f"s3://{HASH}"), S3ContentStore)


def test_s3_store_requires_a_bucket(settings: Any) -> None:
    settings.CONTENT_S3_BUCKET = ""
    message = r"^The S3 content store is not configured\. Set CONTENT_S3_BUCKET to"
    with pytest.raises(ConfigurationError, match=message):
        get_content_store("s3")
    with pytest.raises(ConfigurationError, match=message):
        get_content_store_for(f"s3://{HASH}")


@pytest.mark.parametrize("backend", ["", "S3", "gcs"])
def test_unknown_backend_is_rejected(backend: str) -> None:
    with pytest.raises(ConfigurationError, match="Use local or s3"):
        get_content_store(backend)
