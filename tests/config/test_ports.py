import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.config.commands import manage


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("command", [["require_port"], ["runserver"], ["runserver", "--noreload"]])
def test_taken_port_is_told_before_anything_starts(home: Path, taken_port: int, command: list[str]) -> None:
    assert manage(home, *command, PORT=str(taken_port)).refusal() == (
        f"Port {taken_port} of 127.0.0.1 is taken: stop what listens there, or choose another one, as in "
        f"`make run PORT={taken_port + 1}`."
    )
    assert not (home / "postgres").exists()


def test_free_port_is_fine(home: Path, taken_port: int) -> None:
    # The neighbour of a port of ours may be anybody's, so one is asked for and given back.
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    assert manage(home, "require_port", PORT=str(free)).code == 0
