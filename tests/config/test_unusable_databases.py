import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import connection
from django.db.utils import ConnectionHandler

from ncfd_site.config.database import build_django_settings
from ncfd_site.config.errors import DatabaseUnavailable
from ncfd_site.postgres import connection_errors
from tests.config.commands import manage, production
from tests.postgres import Server


@pytest.fixture
def connection_error(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Return a function that connects to the database of a URL, and returns the sentence of the error."""

    def connect(url: str) -> str:
        monkeypatch.setenv("DATABASE_URL", url)
        with pytest.raises(DatabaseUnavailable) as refusal:
            ConnectionHandler(build_django_settings())["default"].connect()
        sentence = str(refusal.value)
        assert "geheim" not in sentence
        assert "\n" not in sentence
        assert sentence.endswith(".")
        return sentence

    return connect


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("command", ["migrate", "showmigrations", "createsuperuser", "runserver"])
def test_every_command_reports_a_refused_connection(home: Path, command: str) -> None:
    sentence = manage(home, command, **production("postgresql://rita:geheim@127.0.0.1:1/trials")).error()
    assert "geheim" not in sentence
    assert "127.0.0.1" in sentence
    assert "no server listens there" in sentence


def test_a_missing_socket(connection_error: Callable[[str], str], home: Path) -> None:
    sentence = connection_error(f"postgresql://rita:geheim@/trials?host={home}")
    assert sentence.startswith(
        f"The PostgreSQL server at {home}, port 5432 is not reachable: the socket does not exist"
    )


def test_an_unknown_host_name(connection_error: Callable[[str], str]) -> None:
    assert "has a host name that cannot be resolved" in connection_error("postgresql://rita:geheim@db.invalid/trials")


def test_a_silent_server(connection_error: Callable[[str], str], silent_port: int) -> None:
    sentence = connection_error(f"postgresql://rita:geheim@127.0.0.1:{silent_port}/trials?connect_timeout=2")
    assert "does not answer" in sentence


def test_wrong_password(connection_error: Callable[[str], str], guarded: Server) -> None:
    sentence = connection_error(guarded.url(password="geheim"))
    assert sentence == (
        f"The PostgreSQL server at 127.0.0.1, port {guarded.port} refuses the password of user 'tester'. "
        "Correct DATABASE_URL."
    )


def test_missing_password(connection_error: Callable[[str], str], guarded: Server) -> None:
    sentence = connection_error(f"postgresql://tester@127.0.0.1:{guarded.port}/postgres")
    assert "requires a password for user 'tester'" in sentence


def test_unknown_user(connection_error: Callable[[str], str], guarded: Server) -> None:
    # The server answers an unknown user and a wrong password alike.
    assert "refuses the password of user 'guest'" in connection_error(guarded.url(user="guest", password="geheim"))


def test_unknown_database(connection_error: Callable[[str], str], guarded: Server) -> None:
    sentence = connection_error(guarded.url("trials"))
    assert sentence.endswith("has no database 'trials'. Create it or correct DATABASE_URL.")
    assert guarded.password not in sentence


def test_unsupported_tls(connection_error: Callable[[str], str], guarded: Server) -> None:
    assert "does not offer TLS" in connection_error(f"{guarded.url()}?sslmode=require")


@pytest.mark.parametrize("option", ["sslmode=often", "connect_timeout=soon", "target_session_attrs=any-where"])
def test_an_invalid_option(connection_error: Callable[[str], str], guarded: Server, option: str) -> None:
    sentence = connection_error(f"{guarded.url()}?{option}")
    assert sentence.startswith(f"The PostgreSQL server at 127.0.0.1, port {guarded.port} cannot be used: ")
    assert option.partition("=")[2] in sentence
    assert guarded.password not in sentence


def test_a_server_without_free_connections(connection_error: Callable[[str], str], guarded: Server) -> None:
    with psycopg.connect(guarded.url(), autocommit=True) as admin:
        admin.execute("CREATE DATABASE crowded CONNECTION LIMIT 0")
        admin.execute("CREATE ROLE olga LOGIN PASSWORD 'geheim'")
    assert "has no free connections" in connection_error(guarded.url("crowded", user="olga", password="geheim"))


def test_a_password_with_special_characters_and_a_socket_work(home: Path, guarded: Server) -> None:
    for url in (guarded.url(), guarded.socket_url()):
        # No server is started for DATABASE_URL.
        shown = manage(home, "showmigrations", **production(url))
        assert (shown.code, shown.errors) == (0, "")
        assert not (home / "postgres").exists()


def test_an_old_server_is_refused() -> None:
    connection_errors.require_version(140000)
    with pytest.raises(DatabaseUnavailable, match=r"^The server runs PostgreSQL 13\.23, but .* 14 or newer"):
        connection_errors.require_version(130023)


@pytest.mark.django_db
def test_connections_check_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_errors, "MIN_VERSION", 99)
    with pytest.raises(DatabaseUnavailable, match="newer"):
        connection.check_database_version_supported()


def test_an_unknown_failure_has_the_reason_without_the_password() -> None:
    error = psycopg.OperationalError("first\nserver at rita:geheim@x is on fire.\n")
    sentence = str(connection_errors.explain(error, {"host": "x", "password": "geheim"}))
    assert sentence == "The PostgreSQL server at x, port 5432 cannot be used: server at rita:***@x is on fire."
