"""`manage.py runserver` carries out jobs by itself, as long as it lives and no longer."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.config.commands import ROOT, environment, production
from tests.jobs.working import database_url

pytestmark = pytest.mark.django_db(transaction=True)


def free_port() -> int:
    """Return a free port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def serving(home: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """The server, on the database of the tests, with a process group of its own, once it serves."""
    variables = production(database_url(), DEBUG="1", PYTHONUNBUFFERED="1")
    # Django's reloader leaves its child without a wait, which Python would warn of.
    variables["PYTHONWARNINGS"] = "error,ignore::ResourceWarning"
    with subprocess.Popen(
        [sys.executable, "manage.py", "runserver", str(free_port()), *options],
        cwd=ROOT,
        env=environment(home, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as server:
        assert server.stdout is not None
        while "Serving at" not in (line := server.stdout.readline()):
            assert line, "The server did not start."
        yield server


def workers(server: subprocess.Popen[str]) -> list[psutil.Process]:
    """The workers beside a server, once there are some."""
    while True:
        children = psutil.Process(server.pid).children(recursive=True)
        found = [child for child in children if "run_jobs" in child.cmdline()]
        if found:
            return found
        time.sleep(0.05)


def wait_until_gone(process: psutil.Process) -> None:
    """Wait for the end of a process, whose parent may have changed."""
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.05)


@pytest.mark.parametrize("options", [(), ("--noreload",)])
def test_it_has_one_worker_and_ctrl_c_ends_both_quietly(tmp_path: Path, options: tuple[str, ...]) -> None:
    with serving(tmp_path, *options) as server:
        [worker] = workers(server)
        os.killpg(server.pid, signal.SIGINT)
        output, _ = server.communicate()
    assert server.returncode == 0
    assert output.strip() == ""
    wait_until_gone(worker)


def test_a_kill_of_the_server_ends_its_worker(tmp_path: Path) -> None:
    with serving(tmp_path, "--noreload") as server:
        [worker] = workers(server)
        server.kill()
        wait_until_gone(worker)
