"""A home folder, and a server that requires a password."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Server, started_server


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home folder."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def guarded() -> Iterator[Server]:
    """An ordinary server that requires a password, which has special characters."""
    with started_server() as server:
        yield server
