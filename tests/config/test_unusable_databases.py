import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from ncfd_site.config.errors import DatabaseUnavailable
from ncfd_site.postgres import connection_errors
from tests.config.commands import manage, production
from tests.postgres import Server


def refusal(home: Path, url: str, *command: str) -> str:
    sentence = manage(home, *(command or ("migrate",)), **production(url)).refusal()
    assert "geheim" not in sentence
    return sentence


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("command", ["migrate", "showmigrations", "createsuperuser", "runserver"])
def test_every_command_says_that_nothing_listens(home: Path, command: str) -> None:
    sentence = refusal(home, "postgresql://rita:geheim@127.0.0.1:1/trials", command)
    assert "127.0.0.1" in sentence
    assert "nothing listens there" in sentence


def test_socket_that_is_not_there(home: Path) -> None:
    sentence = refusal(home, f"postgresql://rita:geheim@/trials?host={home}")
    assert sentence.startswith(f"The PostgreSQL server at {home}, port 5432 is not reachable: there is no such socket")


def test_name_that_cannot_be_resolved(home: Path) -> None:
    assert "has a name that cannot be resolved" in refusal(home, "postgresql://rita:geheim@db.invalid/trials")


def test_server_that_does_not_answer(home: Path, deaf_port: int) -> None:
    sentence = refusal(home, f"postgresql://rita:geheim@127.0.0.1:{deaf_port}/trials?connect_timeout=2")
    assert "it does not answer" in sentence


def test_wrong_password(home: Path, guarded: Server) -> None:
    sentence = refusal(home, guarded.url(password="geheim"))
    assert sentence == (
        f"The PostgreSQL server at 127.0.0.1, port {guarded.port} refuses the password of user 'tester': "
        "correct DATABASE_URL."
    )


def test_missing_password(home: Path, guarded: Server) -> None:
    sentence = refusal(home, f"postgresql://tester@127.0.0.1:{guarded.port}/postgres")
    assert "wants a password for user 'tester'" in sentence


def test_unknown_user(home: Path, guarded: Server) -> None:
    # The server does not tell an unknown user from a wrong password.
    assert "refuses the password of user 'nobody'" in refusal(home, guarded.url(user="nobody", password="geheim"))


def test_unknown_database(home: Path, guarded: Server) -> None:
    sentence = refusal(home, guarded.url("trials"))
    assert sentence.endswith("has no database 'trials': create it or correct DATABASE_URL.")
    assert guarded.password not in sentence


def test_tls_that_the_server_does_not_offer(home: Path, guarded: Server) -> None:
    assert "offers no TLS" in refusal(home, f"{guarded.url()}?sslmode=require")


@pytest.mark.parametrize("option", ["sslmode=often", "connect_timeout=soon", "target_session_attrs=any-where"])
def test_option_with_a_wrong_value(home: Path, guarded: Server, option: str) -> None:
    sentence = refusal(home, f"{guarded.url()}?{option}")
    assert sentence.startswith(f"The PostgreSQL server at 127.0.0.1, port {guarded.port} cannot be used: ")
    assert option.partition("=")[2] in sentence
    assert guarded.password not in sentence


def test_server_without_a_connection_left(home: Path, guarded: Server) -> None:
    with psycopg.connect(guarded.url(), autocommit=True) as admin:
        admin.execute("CREATE DATABASE crowded CONNECTION LIMIT 0")
        admin.execute("CREATE ROLE olga LOGIN PASSWORD 'geheim'")
    assert "has no connection left" in refusal(home, guarded.url("crowded", user="olga", password="geheim"))


def test_password_with_odd_characters_and_a_socket_are_let_in(home: Path, guarded: Server) -> None:
    for url in (guarded.url(), guarded.socket_url()):
        # DATABASE_URL is used as it is: nothing is started for it.
        shown = manage(home, "showmigrations", **production(url))
        assert (shown.code, shown.errors) == (0, "")
        assert not (home / "postgres").exists()


def test_server_that_is_too_old() -> None:
    connection_errors.require_version(140000)
    with pytest.raises(
        DatabaseUnavailable, match=r"^The server runs PostgreSQL 13\.23, which is too old: .* 14 or newer"
    ):
        connection_errors.require_version(130023)


@pytest.mark.django_db
def test_connections_of_the_site_are_held_to_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_errors, "OLDEST", 99)
    with pytest.raises(DatabaseUnavailable, match="too old"):
        connection.check_database_version_supported()


def test_unknown_failure_repeats_the_reason_but_not_the_password() -> None:
    error = psycopg.OperationalError("first\nserver at rita:geheim@x is on fire.\n")
    sentence = str(connection_errors.refusal(error, {"host": "x", "password": "geheim"}))
    assert sentence == "The PostgreSQL server at x, port 5432 cannot be used: server at rita:***@x is on fire."
