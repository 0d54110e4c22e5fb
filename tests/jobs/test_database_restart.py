"""A worker outlasts a restart of its server, with its jobs."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from tests import databases
from tests.config.commands import ROOT, environment, manage, production
from tests.postgres import started_server


def test_a_worker_waits_for_its_server_and_goes_on(tmp_path: Path) -> None:
    with started_server() as server:
        variables = production(server.url(), PYTHONUNBUFFERED="1")
        assert manage(tmp_path, "migrate", "--skip-checks", **variables).code == 0
        databases.migrate(conninfo_to_dict(server.url()))
        with subprocess.Popen(
            [sys.executable, "manage.py", "run_jobs"],
            cwd=ROOT,
            env=environment(tmp_path, **variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as worker:
            assert worker.stdout is not None
            finish_job(server.url(), worker)
            data = str(server.folder / "data")
            server.run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", data)
            time.sleep(3)
            options = f"-c listen_addresses=127.0.0.1 -c port={server.port} -c unix_socket_directories={server.folder}"
            server.run("pg_ctl", "start", "-w", "-D", data, "-l", str(server.folder / "log"), "-o", options)
            finish_job(server.url(), worker)
            os.kill(worker.pid, signal.SIGTERM)
            _, errors = worker.communicate()
        assert worker.returncode == 0
        assert "Connection refused" in errors
        assert "Traceback" not in errors


def finish_job(url: str, worker: subprocess.Popen[str]) -> None:
    """Queue a verification without a task, as a job of an earlier version; wait until the worker has done it."""
    with psycopg.connect(url) as connection:
        connection.execute(
            """INSERT INTO site_jobs (kind, arguments, requested_by)
               VALUES ('storage_verify', '{"only": ["counts"], "sample": 100}', 'olga')"""
        )
    assert worker.stdout is not None
    assert "starts" in worker.stdout.readline()
    assert "No errors found." in worker.stdout.readline()
