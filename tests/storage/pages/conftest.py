"""People before the pages of content, and a store with bytes behind them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from ncfd_site.core.roles import Role
from storage.content import ContentStore, get_content_store
from storage.models import StorageObject
from tests import factories

SignIn = Callable[[str], Client]


@pytest.fixture
def signed_in() -> SignIn:
    """A browser in which a person is signed in: a group's, "nobody" (of no group), "anonymous"."""

    def sign_in(who: str) -> Client:
        client = Client()
        if who != "anonymous":
            client.force_login(factories.make_user(None if who == "nobody" else Role(who)))
        return client

    return sign_in


@pytest.fixture
def olga(signed_in: SignIn) -> Client:
    """olga's browser: she operates."""
    return signed_in("operator")


@pytest.fixture
def store(settings: Any, tmp_path: Path) -> ContentStore:
    """The local store of the site, empty."""
    settings.CONTENT_ROOT = tmp_path / "content"
    return get_content_store()


@pytest.fixture
def keep(store: ContentStore) -> Callable[..., StorageObject]:
    """Keep bytes, and return the row that names them."""

    def kept(content: bytes, **fields: Any) -> StorageObject:
        stored = store.put(content)
        told = {"sha256": stored.sha256, "storage_uri": stored.uri, "size_bytes": stored.size}
        return factories.make_storage_object(content, **{**told, **fields})

    return kept
