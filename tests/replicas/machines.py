"""Processes of the site, and the browsers of its users, on machines of their own: each has its own home."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

from django.conf import settings
from django.test import Client
from psycopg.conninfo import conninfo_to_dict

from ncfd_site.core.roles import Role
from tests import databases
from tests.config.commands import ROOT
from tests.factories import make_user
from tests.migration.running import query
from tests.postgres import Server

CSRF = "c" * 32


@dataclass
class Browser:
    """A browser that keeps cookies, and remembers the answers."""

    port: int
    cookies: dict[str, str]
    # Time and status of each answer; status 0 is a connection without one.
    answers: list[tuple[float, int]] = field(default_factory=list)
    reads: Counter[str] = field(default_factory=Counter)
    # Where the last answer redirects to.
    location: str = ""

    def request(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        """Return status and text of a response."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Cookie": cookies, "X-CSRFToken": CSRF, "Connection": "close"}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        method, body = ("GET", None) if form is None else ("POST", urlencode(form))
        try:
            with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                status, text = response.status, response.read().decode()
                self.location = response.headers.get("Location", "")
                if method == "GET" and status == 200:
                    self.reads[response.headers["X-Database"]] += 1
                for line in response.headers.get_all("Set-Cookie", []):
                    self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        except (OSError, HTTPException):
            status, text = 0, ""
        self.answers.append((time.monotonic(), status))
        return status, text


def sign_in(username: str, role: Role = Role.ANALYST) -> dict[str, str]:
    """Create a user and return the cookies of a signed-in browser."""
    client = Client()
    client.force_login(make_user(role, username=username))
    return {"sessionid": client.cookies["sessionid"].value, "csrftoken": CSRF}


def gunicorn(port: int, workers: int = 2, threads: int = 8) -> tuple[str, ...]:
    """Return the arguments of Python for a site."""
    return ("-m", "gunicorn", "ncfd_site.wsgi", "-b", f"127.0.0.1:{port}", "-w", str(workers), "--threads",
            str(threads), "-t", "60", "--no-control-socket")  # fmt: skip


def build_environment(url: str, home: Path, static: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a machine in production."""
    return {
        **os.environ,
        "DATABASE_URL": url,
        "SECRET_KEY": settings.SECRET_KEY,
        "ALLOWED_HOSTS": "127.0.0.1",
        "HTTPS": "0",
        "NCFD_HOME": str(home),
        "STATIC_ROOT": str(static),
        **variables,
    }


def collect_static_files(folder: Path) -> Path:
    """Fill the folder of the static files and return it."""
    variables = build_environment("postgresql://localhost/none", folder, folder)
    subprocess.run([sys.executable, "manage.py", "collectstatic", "--no-input"], cwd=ROOT, env=variables, check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    return folder


@contextmanager
def run_process(environment: dict[str, str], log: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process of the site, and end it."""
    with log.open("a") as output:
        started = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=environment, stdout=output,
                                   stderr=subprocess.STDOUT)  # fmt: skip
        try:
            yield started
        finally:
            started.terminate()
            started.wait(60)


@contextmanager
def start_synchronous_standby(primary: Server, settings: str = "hot_standby_feedback=on") -> Iterator[Server]:
    """Start a standby of a server whose commits wait until the standby has applied them."""
    with primary.standby(settings, name="copy_standby") as standby:
        keywords = conninfo_to_dict(primary.url())
        # Not in the copy of the standby: promoted, it must not wait for another one.
        for name, value in (("synchronous_commit", "remote_apply"), ("synchronous_standby_names", "copy_standby")):
            databases.execute(keywords, f"ALTER SYSTEM SET {name} = '{value}'")
        databases.execute(keywords, "SELECT pg_reload_conf()")
        await_standby(primary)
        yield standby


def await_standby(primary: Server) -> None:
    """Wait until the commits of a server wait for its standby."""
    keywords = conninfo_to_dict(primary.url())
    wait_until(lambda: query(keywords, "SELECT sync_state FROM pg_stat_replication") == [("sync",)], 60)


def point_pooler(folder: Path, primary: Server, standby: Server) -> None:
    """Let a pooler, whose configuration is in the folder, use the promoted standby."""
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(configuration.read_text().replace(f"port={primary.port} ", f"port={standby.port} "))
    os.kill(int((folder / "pid").read_text()), signal.SIGHUP)


def wait_until(is_so: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for a condition; fail after some seconds."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
