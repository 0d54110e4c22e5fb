"""Signed-in clients and a content store."""

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
    """Function that signs in a user of a role, of no role ("no role"), or none ("anonymous")."""

    def sign_in(who: str) -> Client:
        client = Client()
        if who != "anonymous":
            client.force_login(factories.make_user(None if who == "no role" else Role(who)))
        return client

    return sign_in


@pytest.fixture
def olga(signed_in: SignIn) -> Client:
    """Client of olga, an operator."""
    return signed_in("operator")


@pytest.fixture
def store(settings: Any, tmp_path: Path) -> ContentStore:
    """Empty local store of the site."""
    settings.CONTENT_ROOT = tmp_path / "content"
    return get_content_store()


@pytest.fixture
def keep(store: ContentStore) -> Callable[..., StorageObject]:
    """Function that stores data and returns its object."""

    def store_data(data: bytes, **fields: Any) -> StorageObject:
        stored = store.put(data)
        columns = {"sha256": stored.sha256, "storage_uri": stored.uri, "size_bytes": stored.size}
        return factories.make_storage_object(data, **{**columns, **fields})

    return store_data
