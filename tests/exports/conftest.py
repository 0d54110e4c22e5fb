"""People who export."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client, override_settings

from ncfd_site.core.roles import Role
from tests.factories import make_user


@pytest.fixture
def ana(client: Client) -> Client:
    """The browser of somebody who may export."""
    client.force_login(make_user(Role.ANALYST))
    return client


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where the files of jobs go."""
    with override_settings(NCFD_HOME=tmp_path):
        yield tmp_path / "exports"
