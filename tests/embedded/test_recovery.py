import os
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from ncfd_site.core import sql
from ncfd_site.postgres.embedded import server
from ncfd_site.postgres.embedded.cluster import Cluster
from tests.embedded.users import User, address, alive, cleanly_stopped, eventually, postmaster, select, using


def kill_server(home: Path) -> None:
    main = postmaster(home)
    main.kill()
    assert eventually(lambda: not alive(main.pid))


def test_committed_rows_survive_a_killed_server(home: Path) -> None:
    with using(home):
        select(home, "CREATE TABLE kept AS SELECT 42 AS answer")
        kill_server(home)
        with using(home):
            assert select(home, "SELECT answer FROM kept") == 42
        select(home, "DROP TABLE kept")


def test_a_process_restarts_the_killed_server_that_it_uses(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = """
import sys, psycopg
from ncfd_site.postgres import connection_parameters
psycopg.connect(**connection_parameters()).close()
print("ready", flush=True)
sys.stdin.readline()
psycopg.connect(**connection_parameters()).close()
print("again", flush=True)
sys.stdin.read()
"""
    user = User(home, program)
    assert user.ready() == "ready"
    kill_server(home)
    assert user.process.stdin
    user.process.stdin.write("\n")
    user.process.stdin.flush()
    assert user.ready() == "again"
    user.leave()


def test_a_reused_process_id_is_harmless(home: Path) -> None:
    with using(home):
        pass
    assert cleanly_stopped(home)
    # As after a restart of the machine: the process ID in the file belongs to another program.
    other = subprocess.Popen(["sleep", "60"], user=(home / "postgres").stat().st_uid)
    try:
        (home / "postgres" / "postmaster.pid").write_text(f"{other.pid}\n{home}/postgres\n1\n5432\n.\n\n1 1\nready\n")
        with using(home):
            assert select(home, "SELECT 1") == 1
    finally:
        other.kill()
        other.wait()


def test_a_truncated_process_id_file_is_harmless(home: Path) -> None:
    with using(home):
        pass
    assert cleanly_stopped(home)
    (home / "postgres" / "postmaster.pid").write_text("")
    with using(home):
        assert select(home, "SELECT 1") == 1


def test_a_killed_reaper_is_replaced_by_the_next_user(home: Path) -> None:
    def find_reapers() -> list[int]:
        found = subprocess.run(["pgrep", "-f", f"embedded.reaper {home} "], capture_output=True, text=True, check=False)
        return [int(pid) for pid in found.stdout.split()]

    with using(home):
        (reaper,) = find_reapers()
        os.kill(reaper, signal.SIGKILL)
        assert eventually(lambda: not alive(reaper))
        with using(home):
            assert len(find_reapers()) == 1
    assert cleanly_stopped(home)


def test_an_interrupted_first_start_is_repeated(home: Path) -> None:
    with using(home):
        pass
    assert cleanly_stopped(home)
    shutil.rmtree(home / "postgres")
    (home / "postgres.new").mkdir()
    (home / "postgres.new" / "PG_VERSION").write_text("18\n")
    with using(home):
        assert select(home, "SELECT 1") == 1
    assert not (home / "postgres.new").exists()


def test_a_deleted_data_folder_is_created_again(home: Path) -> None:
    with using(home):
        main = postmaster(home)
        shutil.rmtree(home / "postgres")
        main.terminate()
        with using(home):
            assert select(home, "SELECT 1") == 1


def test_open_transactions_do_not_prevent_a_stop(home: Path) -> None:
    with using(home):
        idle = psycopg.connect(**address(home))  # type: ignore[arg-type]
        idle.execute("SELECT 1")
    assert cleanly_stopped(home)
    idle.close()


@pytest.mark.django_db
def test_these_tests_use_the_embedded_server() -> None:
    assert connection.get_connection_params()["host"] == server.get_parameters()["host"]
    assert sql.value("SHOW server_version").startswith("18.")
    assert Cluster(Path(server.get_parameters()["host"]).parent).is_running()
