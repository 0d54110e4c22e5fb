import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ncfd_site.postgres.embedded.cluster import Cluster
from tests.config.commands import manage
from tests.embedded.users import User, cleanly_stopped, eventually, postmaster, select, using

FORKING = """
import os, sys
from ncfd_site.postgres import connection_parameters
connection_parameters()
if os.fork():
    os._exit(0)
print("child", flush=True)
sys.stdin.read()
import psycopg
psycopg.connect(**connection_parameters()).close()
"""

PREPARED = """
import sys, psycopg
from ncfd_site.postgres import connection_parameters
print("prepared", flush=True)
sys.stdin.readline()
psycopg.connect(**connection_parameters()).close()
print("connected", flush=True)
sys.stdin.read()
"""


def test_first_use_creates_the_database(home: Path) -> None:
    user = User(home)
    assert user.ready() == "ncfd"
    user.leave()


def test_concurrent_users_share_one_server(home: Path) -> None:
    users = [User(home) for _ in range(6)]
    assert [user.ready() for user in users] == ["ncfd"] * 6
    server = postmaster(home)
    for user in users[:-1]:
        user.leave()
    assert server.is_running()
    assert select(home, "SELECT 1") == 1
    users[-1].leave()
    assert cleanly_stopped(home)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_the_server_stops_after_its_last_user_is_killed(home: Path, number: int) -> None:
    with using(home) as user:
        user.kill(number)
    assert cleanly_stopped(home)


def test_a_killed_user_does_not_stop_the_others(home: Path) -> None:
    with using(home), using(home) as killed:
        killed.kill()
        assert not eventually(lambda: not Cluster(home).is_running(), seconds=4)


def test_a_forked_child_keeps_the_server_running(home: Path) -> None:
    user = User(home, FORKING)
    assert user.ready() == "child"
    assert not eventually(lambda: not Cluster(home).is_running(), seconds=4)
    user.leave()


def test_a_new_user_may_start_while_the_server_stops(home: Path) -> None:
    def visit(_: int) -> str:
        with using(home):
            pass
        return "served"

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(visit, range(9))) == ["served"] * 9


def test_consecutive_commands_find_the_server_running(home: Path) -> None:
    # On a busy machine, the imports of the second process take longer than the server outlives the first.
    second = User(home, PREPARED)
    assert second.ready() == "prepared"
    with using(home):
        first = postmaster(home).pid
    assert second.process.stdin
    second.process.stdin.write("\n")
    second.process.stdin.flush()
    assert second.ready() == "connected"
    assert postmaster(home).pid == first
    second.leave()


def test_the_path_may_be_longer_than_a_socket_allows(tmp_path: Path) -> None:
    home = tmp_path / ("long and 'odd\" $name" * 5) / "home"
    home.mkdir(parents=True)
    with using(home):
        assert select(home, "SELECT current_database()") == "ncfd"
    assert cleanly_stopped(home)
    Cluster(home).find_socket_folder().unlink()


def test_django_commands_use_the_server(home: Path) -> None:
    assert manage(home, "migrate", "--skip-checks", "-v0").code == 0
    shown = manage(home, "dbshell", "--", "-Atc", "SELECT count(*) > 5 FROM pg_tables WHERE tableowner = user")
    assert (shown.output, shown.errors) == ("t\n", "")


def test_data_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("16\n")
    assert "has data of PostgreSQL 16" in manage(tmp_path, "migrate", "--skip-checks").error()


def test_an_unusable_home_is_refused(tmp_path: Path) -> None:
    (tmp_path / "server.lock").mkdir()
    assert "or set NCFD_HOME to a folder of your own" in manage(tmp_path, "migrate", "--skip-checks").error()
