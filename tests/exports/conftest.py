"""Users who export."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client, override_settings

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
    with override_settings(NCFD_HOME=tmp_path):
        yield tmp_path / "exports"
