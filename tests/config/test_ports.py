"""The port of the development server."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.config.commands import manage


@pytest.fixture
def used_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("command", [["require_port"], ["runserver"], ["runserver", "--noreload"]])
def test_a_used_port_stops_the_start(home: Path, used_port: int, command: list[str]) -> None:
    assert manage(home, *command, PORT=str(used_port)).error() == (
        f"Port {used_port} of 127.0.0.1 is in use. Stop the program that uses it, or choose another port with "
        f"`make run PORT={used_port + 1}`."
    )
    assert not (home / "postgres").exists()


def test_a_free_port_is_accepted(home: Path, used_port: int) -> None:
    # Another process may use the port next to ours.
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    assert manage(home, "require_port", PORT=str(free)).code == 0
