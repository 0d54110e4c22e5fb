"""Home folders with embedded servers of their own."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ncfd_site.postgres.embedded.cluster import Cluster
from tests.embedded.users import cleanly_stopped


@pytest.fixture(scope="session")
def made_home() -> Iterator[Path]:
    """A home folder for this run."""
    # Short, because the path of a socket has at most about 100 characters.
    folder = Path(tempfile.mkdtemp(prefix="n-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def home(made_home: Path) -> Iterator[Path]:
    """A home folder whose server does not run before and after the test."""
    yield made_home
    left_running = (made_home / "postgres").exists() and not cleanly_stopped(made_home)
    if left_running:
        Cluster(made_home).stop()
    assert not left_running
