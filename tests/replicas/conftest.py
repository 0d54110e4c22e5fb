"""The site in this process on a primary with a streaming standby."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections
from django.test import Client, override_settings
from psycopg.conninfo import conninfo_to_dict

from ncfd_site.config import database
from ncfd_site.core import demo_flag
from ncfd_site.postgres import replicas
from tests import databases
from tests.admin.conftest import person
from tests.migration.running import query
from tests.postgres import Server, started_server
from tests.replicas.machines import collect_static_files, wait_until
from tests.storage.conftest import s3_credentials, s3_endpoint  # noqa: F401
from tests.web.addresses import fillings
from tests.web.table import USERS
from tests.web.test_matrix import ADDRESSES

NAME = "site"


@dataclass(frozen=True)
class Site:
    """Both servers, and the rows of the site."""

    primary: Server
    standby: Server
    users: dict[str, User]
    # A URL for each pattern.
    urls: dict[str, str]

    def on_primary(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a query on the primary."""
        return query(conninfo_to_dict(self.primary.url(NAME)), statement)

    def on_standby(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a query on the standby."""
        return query(conninfo_to_dict(self.standby.url(NAME)), statement)

    def wait_until_replayed(self) -> None:
        """Wait until the standby has all that is committed."""
        ((position,),) = self.on_primary("SELECT pg_current_wal_insert_lsn()::text")
        wait_until(lambda: self.on_standby(f"SELECT pg_last_wal_replay_lsn() >= '{position}'") == [(True,)])


@pytest.fixture(scope="package")
def site(django_test_environment: None, django_db_blocker: Any) -> Iterator[Site]:
    """Build the primary with a row for every address and a user of every role, then its standby."""
    with started_server() as primary, django_db_blocker.unblock(), use_databases(primary.url(NAME)):
        keywords = conninfo_to_dict(primary.url(NAME))
        databases.execute(keywords, "CREATE DATABASE {}", NAME)
        call_command("migrate", verbosity=0, interactive=False)
        databases.migrate(keywords)
        call_command("migrate", verbosity=0, interactive=False)
        users = {who: person(who) for who in USERS}
        fill = fillings()
        urls = {address.pattern: fill(address) for address in ADDRESSES}
        connections.close_all()
        with primary.standby("hot_standby_feedback=on max_standby_streaming_delay=0") as standby:
            yield Site(primary, standby, users, urls)
            connections.close_all()


@contextmanager
def use_databases(url: str, *replica_urls: str, **settings: Any) -> Iterator[None]:
    """Let this process use a database with replicas, as a site with these settings does."""
    before = connections.settings
    connections.close_all()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", url)
        patch.setenv("DATABASE_REPLICA_URLS", ",".join(replica_urls))
        entries = database.build_django_settings()
        patch.setattr(connections, "settings", connections.configure_settings(entries))
        with override_settings(REPLICAS=[alias for alias in entries if alias != "default"], **settings):
            replicas.list_replicas.cache_clear()
            _forget({*before, *entries})
            try:
                yield
            finally:
                connections.close_all()
                _forget({*before, *entries})


def _forget(aliases: set[str]) -> None:
    for replica in replicas.list_replicas():
        wait_until(lambda: not replica._is_watched)  # noqa: B023
        replica._executor.submit(connections.close_all).result()
        replica._executor.shutdown()
    replicas.list_replicas.cache_clear()
    demo_flag.clear_cache()
    for alias in aliases:
        if hasattr(connections._connections, alias):  # type: ignore[attr-defined]
            del connections[alias]


@pytest.fixture(scope="package")
def static_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the static files."""
    return collect_static_files(tmp_path_factory.mktemp("static"))


@pytest.fixture
def replicated(site: Site) -> Iterator[Site]:
    """Let the site read from the standby, which has replayed everything."""
    with use_databases(site.primary.url(NAME), site.standby.url(NAME)):
        site.wait_until_replayed()
        await_replica()
        yield site


def await_replica() -> None:
    """Wait until the replica is in use."""
    wait_until(lambda: replicas.find_replica(0) is not None)


def sign_in(site: Site, who: str) -> Client:
    """Return a client of a user of a role, who signed in some time ago."""
    client = Client(raise_request_exception=False)
    if who != "anonymous":
        client.force_login(site.users[who])
        site.wait_until_replayed()
    return client
