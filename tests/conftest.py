"""Fixtures of all tests: PostgreSQL servers and databases that the revisions made.

Tests with Django's database run on the embedded server; tests of the schema, its functions and migration run on the
servers of the option --server.
"""

import hashlib
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.core.management import call_command
from django.db import connections
from django.test import TransactionTestCase, override_settings
from psycopg.conninfo import conninfo_to_dict

from ncfd_site.core import demo_flag
from ncfd_site.dashboard import loading
from ncfd_site.postgres.embedded import server as embedded_server
from ncfd_site.schema.deploy import revisions
from ncfd_site.web import health
from tests import databases
from tests.databases import Keywords
from tests.postgres import ordinary_server

# Tests read the lists of the admin, whose modules are imported with the URLs.
admin.autodiscover()

# A shell that starts something in the background lets it ignore Ctrl-C, and so would all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def worker(request: pytest.FixtureRequest) -> str:
    """Return the name of this process among those that run tests in parallel."""
    return str(getattr(request.config, "workerinput", {}).get("workerid", "main"))


@pytest.fixture(scope="session", autouse=True)
def _quick_hashes(django_test_environment: None) -> Iterator[None]:
    """Hash passwords quickly; tests create many users."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_question_for_the_mark() -> Iterator[None]:
    """Never repeat the query for the demonstration's mark: tests count queries."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo_flag, "RECHECK_SECONDS", float("inf"))
        yield


@pytest.fixture(scope="session", autouse=True)
def _long_timeouts() -> Iterator[None]:
    """Give pages enough time on a busy machine; tests of timeouts set their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "STATEMENT_TIMEOUT_MS", 60_000)
        patch.setattr(loading, "PAGE_TIMEOUT", 300.0)
        patch.setattr(health, "SET_TIMEOUT", "SET LOCAL statement_timeout = '60s'")
        yield


@pytest.fixture(scope="session")
def embedded() -> Keywords:
    """Return the keywords of the embedded server of the tests."""
    keywords = embedded_server.get_parameters()
    databases.execute(keywords, "ALTER SYSTEM SET fsync = off")
    # It would change query plans and visibility at any moment.
    databases.execute(keywords, "ALTER SYSTEM SET autovacuum = off")
    databases.execute(keywords, "SELECT pg_reload_conf()")
    databases.drop_leftovers(keywords)
    return keywords


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: Any, embedded: Keywords, worker: str
) -> Iterator[None]:
    """Give Django a clone of a database that its own migrations and the revisions made."""
    name = databases.temporary_name(worker, "django")

    def build(template: Keywords) -> None:
        _use(template["dbname"])
        call_command("migrate", verbosity=0, interactive=False)
        connections.close_all()
        databases.migrate(template)
        # Some handlers of post_migrate need the tables of the revisions.
        call_command("migrate", verbosity=0, interactive=False)
        connections.close_all()

    with django_db_blocker.unblock():
        digest = f"{databases.schema_digest()}_{django_digest()}"
        with databases.template(embedded, "ncfd_django_template", digest, build) as template:

            def renew(_: Any = None) -> None:
                connections.close_all()
                databases.clone(embedded, template, name)
                _use(name)

            renew()
            # Django's flush would leave the rows of unmanaged tables and delete those of a new database.
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(TransactionTestCase, "_fixture_teardown", renew)
                yield
            connections.close_all()
            databases.execute(embedded, "DROP DATABASE {} WITH (FORCE)", name)


def django_digest() -> str:
    """Return a digest of all that decides the content of Django's own tables."""
    parts = [django.__version__, *settings.INSTALLED_APPS]
    for app in apps.get_app_configs():
        if "site-packages" not in app.path:
            files = Path(app.path).rglob("*.py")
            parts += [path.read_text() for path in sorted(files) if _PARTS_OF_MODELS & {path.stem, path.parent.name}]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


_PARTS_OF_MODELS = {"apps", "models", "migrations", "roles", "permissions"}


def _use(name: str) -> None:
    settings.DATABASES["default"]["NAME"] = name
    connections["default"].settings_dict["NAME"] = name


@pytest.fixture(scope="session")
def ordinary() -> Iterator[Keywords]:
    """Keywords of an ordinary PostgreSQL server."""
    with ordinary_server() as url:
        yield conninfo_to_dict(url)


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Keywords:
    """Return the keywords of a server on which tests create databases; `tests.isolation` chooses which."""
    keywords: Keywords = request.getfixturevalue(request.param)
    return keywords


@pytest.fixture(scope="session")
def head_template(server: Keywords) -> Iterator[str]:
    """The name of a database at head on that server, to clone."""
    with databases.template(server, "ncfd_head", databases.schema_digest(), databases.migrate) as name:
        yield name


@pytest.fixture
def empty_database(server: Keywords, worker: str) -> Iterator[Keywords]:
    """Keywords of an empty database."""
    yield from _temporary(server, databases.temporary_name(worker, "empty"), "template1")


@pytest.fixture
def head_database(server: Keywords, head_template: str, worker: str) -> Iterator[Keywords]:
    """Keywords of a database at head."""
    yield from _temporary(server, databases.temporary_name(worker, "clone"), head_template)


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
    """Return the keywords of a database at head that many tests share; they commit nothing."""
    yield from _temporary(server, databases.temporary_name(worker, "shared"), head_template)


@pytest.fixture
def db(shared_head_database: Keywords) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a database at head; what the test writes is rolled back."""
    with psycopg.connect(**shared_head_database) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def ordinary_empty(ordinary: Keywords, worker: str) -> Iterator[Keywords]:
    """Keywords of an empty database on the ordinary server, which offers extensions."""
    yield from _temporary(ordinary, databases.temporary_name(worker, "ordinary"), "template1")
