"""Home folders with an embedded server of their own, apart from the one that the other tests use."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ncfd_site.postgres.embedded.cluster import Cluster
from tests.embedded.users import cleanly_stopped


@pytest.fixture(scope="session")
def made_home() -> Iterator[Path]:
    """A home folder, made anew for this run, that no test has used up."""
    # Short: the path of a socket has room for about a hundred characters.
    folder = Path(tempfile.mkdtemp(prefix="n-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def home(made_home: Path) -> Iterator[Path]:
    """A home folder whose server is not running, and must not be left running."""
    yield made_home
    left_running = (made_home / "postgres").exists() and not cleanly_stopped(made_home)
    if left_running:
        Cluster(made_home).stop()
    assert not left_running
