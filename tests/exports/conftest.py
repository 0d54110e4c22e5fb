"""Users who export."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, override_settings

from ncfd_site.config import shared_files
from ncfd_site.core.roles import Role
from tests.factories import make_user


@pytest.fixture
def ana(client: Client) -> Client:
    """Return a client of a user who may export."""
    client.force_login(make_user(Role.ANALYST))
    return client


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return the folder of the files of jobs."""
    with override_settings(STORAGES={**settings.STORAGES, "shared": share(tmp_path)}):
        yield tmp_path / "exports"


def share(place: Path | str, endpoint: str = "") -> dict[str, Any]:
    """Return the storage of SHARED_ROOT."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHARED_ROOT", str(place))
        return shared_files.build_storage(Path("/nowhere"), endpoint, "us-east-1")
