"""What all tests stand on: a real PostgreSQL, whose databases the revisions made.

Django's tests run on the embedded server. What concerns the schema, its functions and migration runs there and once
more on an ordinary server.
"""

import hashlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import TransactionTestCase, override_settings
from psycopg.conninfo import conninfo_to_dict

from ncfd_site.core import demo_flag, roles
from ncfd_site.postgres import connection_parameters
from ncfd_site.postgres.embedded import server as embedded_server
from ncfd_site.schema.deploy import revisions
from tests import databases
from tests.databases import Keywords
from tests.postgres import ordinary_server

# A shell that starts something in the background lets it ignore Ctrl-C, and so would all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def worker(request: pytest.FixtureRequest) -> str:
    """A name for this process among those that run tests side by side."""
    return str(getattr(request.config, "workerinput", {}).get("workerid", "main"))


@pytest.fixture(scope="session", autouse=True)
def _quick_hashes(django_test_environment: None) -> Iterator[None]:
    """Passwords are hashed slowly on purpose; tests make many people."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_question_for_the_mark() -> Iterator[None]:
    """Whether a database is the demonstration is asked once: once more after a while would be a query too many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo_flag, "ASK_AGAIN_SECONDS", float("inf"))
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: Any, worker: str) -> Iterator[None]:
    """Give Django a clone of a database that its own migrations and the revisions made."""
    keywords = connection_parameters()
    name = f"test_ncfd_{worker}_{os.getpid()}"

    def build(template: Keywords) -> None:
        _use(template["dbname"])
        call_command("migrate", verbosity=0, interactive=False)
        connections.close_all()
        databases.migrate(template)
        # Once more, for what is made after migrating and needs the tables.
        call_command("migrate", verbosity=0, interactive=False)
        connections.close_all()

    with django_db_blocker.unblock():
        digest = f"{databases.schema_digest()}_{django_digest()}"
        with databases.template(keywords, f"ncfd_test_template_{digest}", build) as template:

            def renew(_: Any = None) -> None:
                connections.close_all()
                databases.clone(keywords, template, name)
                _use(name)

            renew()
            # Django's flush would leave the rows of unmanaged tables and lose those that a new database holds.
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(TransactionTestCase, "_fixture_teardown", renew)
                yield
            connections.close_all()
            databases.execute(keywords, "DROP DATABASE {} WITH (FORCE)", name)


def django_digest() -> str:
    """Changes whenever what Django's own migrations make may have changed."""

    parts = [django.__version__, *settings.INSTALLED_APPS, Path(roles.__file__).read_text()]
    parts += [
        path.read_text()
        for path in sorted(
            {
                *settings.BASE_DIR.glob("*/models.py"),
                *settings.BASE_DIR.glob("*/*/models.py"),
                *settings.BASE_DIR.glob("*/models/*.py"),
            }
        )
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


def _use(name: str) -> None:
    settings.DATABASES["default"]["NAME"] = name
    connections["default"].settings_dict["NAME"] = name


@pytest.fixture(scope="session")
def ordinary() -> Iterator[Keywords]:
    """Keywords of an ordinary PostgreSQL server."""
    with ordinary_server() as url:
        yield conninfo_to_dict(url)


@pytest.fixture(scope="session", params=["embedded", "ordinary"])
def server(request: pytest.FixtureRequest) -> Keywords:
    """Keywords of a server on which tests make databases: the embedded one, then an ordinary one."""
    if request.param == "ordinary":
        keywords: Keywords = request.getfixturevalue("ordinary")
        return keywords
    return embedded_server.parameters()


@pytest.fixture(scope="session")
def head_template(server: Keywords) -> Iterator[str]:
    """The name of a database at head on that server, to clone."""
    with databases.template(server, f"ncfd_head_{databases.schema_digest()}", databases.migrate) as name:
        yield name


@pytest.fixture
def empty_database(server: Keywords, worker: str) -> Iterator[Keywords]:
    """Keywords of an empty database."""
    yield from _temporary(server, f"ncfd_empty_{worker}_{os.getpid()}", "template1")


@pytest.fixture
def head_database(server: Keywords, head_template: str, worker: str) -> Iterator[Keywords]:
    """Keywords of a database at head."""
    yield from _temporary(server, f"ncfd_clone_{worker}_{os.getpid()}", head_template)


def _temporary(server: Keywords, name: str, source: str) -> Iterator[Keywords]:
    databases.clone(server, source, name)
    yield {**server, "dbname": name}
    databases.execute(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


@pytest.fixture(scope="session")
def revision_ids() -> list[str]:
    """The ids of the revisions, in order."""
    return revisions.ids()


@pytest.fixture(scope="session")
def shared_head_database(server: Keywords, head_template: str, worker: str) -> Iterator[Keywords]:
    """Keywords of a database at head that many tests share; whoever uses it commits nothing."""
    yield from _temporary(server, f"ncfd_shared_{worker}_{os.getpid()}", head_template)


@pytest.fixture
def db(shared_head_database: Keywords) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a database at head; what the test writes is rolled back."""
    with psycopg.connect(**shared_head_database) as connection:
        yield connection
        connection.rollback()
