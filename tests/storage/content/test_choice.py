"""Which store the site has: the local one always, the one on S3 where it is configured."""

from pathlib import Path
from typing import Any

import pytest

from ncfd_site.config.errors import ConfigurationError
from storage.content import LocalContentStore, S3ContentStore, content_store, store_of
from tests.storage.content.shelves import BUCKET

HASH = "0" * 64


@pytest.fixture
def _configured(settings: Any, s3_credentials: None, s3_endpoint: str) -> None:
    settings.CONTENT_S3_BUCKET = BUCKET
    settings.CONTENT_S3_PREFIX = "choice/here"
    settings.CONTENT_S3_ENDPOINT = s3_endpoint
    settings.CONTENT_S3_REGION = "eu-central-1"


def test_the_store_of_the_site_lies_under_its_content_root(settings: Any, tmp_path: Path) -> None:
    settings.CONTENT_ROOT = tmp_path / "elsewhere"
    stored = content_store().put(b"bytes")
    assert stored.uri.startswith("local://")
    assert (tmp_path / "elsewhere" / stored.sha256[:2] / stored.sha256).read_bytes() == b"bytes"


@pytest.mark.usefixtures("_configured")
def test_the_store_on_s3_is_where_the_settings_say() -> None:
    store = content_store("s3")
    stored = store.put(b"bytes")
    assert stored.uri == f"s3://{stored.sha256}"
    assert S3ContentStore(store._client, BUCKET, "choice/here").read(stored.uri) == b"bytes"  # type: ignore[attr-defined]
    assert store_of(stored.uri).read(stored.uri) == b"bytes"


@pytest.mark.usefixtures("_configured")
def test_an_address_picks_its_store() -> None:
    assert isinstance(store_of(f"local://{HASH}"), LocalContentStore)
    assert isinstance(store_of(f"s3://{HASH}"), S3ContentStore)


def test_without_a_bucket_the_store_on_s3_is_refused(settings: Any) -> None:
    settings.CONTENT_S3_BUCKET = ""
    refused = r"^The S3 content store is not configured: set CONTENT_S3_BUCKET to"
    with pytest.raises(ConfigurationError, match=refused):
        content_store("s3")
    with pytest.raises(ConfigurationError, match=refused):
        store_of(f"s3://{HASH}")


@pytest.mark.parametrize("backend", ["", "S3", "gcs"])
def test_another_backend_is_refused(backend: str) -> None:
    with pytest.raises(ConfigurationError, match="the backends are local and s3"):
        content_store(backend)
