"""DATABASE_URL as connection parameters."""

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ncfd_site.config import database
from ncfd_site.config.errors import ConfigurationError
from ncfd_site.postgres import connection_parameters


def test_a_url_becomes_connection_parameters_and_django_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "DATABASE_URL",
        "postgres://rita:s%40f%2Fe%3A%25@db.example.org:5433/trials?sslmode=verify-full&sslrootcert=/ca.pem",
    )
    assert not database.is_embedded()
    assert connection_parameters() == {
        "user": "rita",
        "password": "s@f/e:%",
        "host": "db.example.org",
        "port": "5433",
        "dbname": "trials",
        "sslmode": "verify-full",
        "sslrootcert": "/ca.pem",
        "connect_timeout": database.CONNECT_TIMEOUT,
    }
    settings = database.build_django_settings()["default"]
    assert (settings["USER"], settings["PASSWORD"], settings["NAME"]) == ("rita", "s@f/e:%", "trials")
    assert (settings["HOST"], settings["PORT"]) == ("db.example.org", "5433")
    assert settings["OPTIONS"]["sslmode"] == "verify-full"


def test_each_replica_has_an_entry_and_short_timeouts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://localhost/trials")
    assert list(database.build_django_settings()) == ["default"]
    (tmp_path / "urls").write_text(
        "postgresql://rita:a%2Cb@b,c:5433/trials?target_session_attrs=prefer-standby,\n"
        "postgres://d/trials?connect_timeout=9\n"
    )
    monkeypatch.setenv("DATABASE_REPLICA_URLS_FILE", str(tmp_path / "urls"))
    settings = database.build_django_settings()
    assert list(settings) == ["default", "replica1", "replica2"]
    first, second = settings["replica1"], settings["replica2"]
    assert (first["HOST"], first["PASSWORD"], second["HOST"]) == ("b,c", "a,b", "d")
    assert first["OPTIONS"] == {
        "target_session_attrs": "prefer-standby", "connect_timeout": 2, "tcp_user_timeout": 1000
    }  # fmt: skip
    assert second["OPTIONS"] == {"connect_timeout": "9", "tcp_user_timeout": 1000}


@pytest.mark.parametrize(
    ("primary", "replicas", "message"),
    [
        ("", "postgresql://d/trials", "DATABASE_REPLICA_URLS is set, but DATABASE_URL is not"),
        ("postgresql://a/trials", "postgresql://d/trials, geheim", "DATABASE_REPLICA_URLS is not a PostgreSQL URL"),
        (
            "postgresql://a/trials",
            "postgresql://d/trials,mysql://geheim@d/trials",
            "DATABASE_REPLICA_URLS has a special",
        ),
        ("postgresql://a/trials", "postgresql://d", "DATABASE_REPLICA_URLS names no database"),
    ],
)
def test_invalid_replicas_are_refused(
    monkeypatch: pytest.MonkeyPatch, primary: str, replicas: str, message: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", primary)
    monkeypatch.setenv("DATABASE_REPLICA_URLS", replicas)
    with pytest.raises(ConfigurationError, match=f"^{message}") as refused:
        database.build_django_settings()
    assert "geheim" not in str(refused.value)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_any_password_survives_percent_encoding(password: str) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("DATABASE_URL", f"postgresql://rita:{quote(password, safe='')}@localhost/trials")
        assert database.read_connection_parameters()["password"] == password


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///trials?host=/run/postgresql",
        "postgresql://%2Frun%2Fpostgresql/trials",
        "host=/run/postgresql dbname=trials",
    ],
)
def test_a_socket_is_a_host_that_is_a_folder(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    assert database.read_connection_parameters()["host"] == "/run/postgresql"
    assert database.build_django_settings()["default"]["HOST"] == "/run/postgresql"


def test_several_hosts_and_a_timeout_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "DATABASE_URL", "postgresql://a:5432,b:5433/trials?connect_timeout=3&target_session_attrs=read-write"
    )
    assert database.read_connection_parameters() == {
        "host": "a,b",
        "port": "5432,5433",
        "dbname": "trials",
        "connect_timeout": "3",
        "target_session_attrs": "read-write",
    }


def test_the_url_can_be_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://localhost/trials\n")
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "url"))
    assert not database.is_embedded()
    assert database.read_connection_parameters()["dbname"] == "trials"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://rita:geheim@localhost/trials",
        "postgresql+psycopg://rita:geheim@localhost/trials",
        "postgresql://rita:geheim%zz@localhost/trials",
        "postgresql://rita:geheim@localhost/trials?ssl=geheim",
        "geheim",
    ],
)
def test_other_urls_are_refused_without_repeating_them(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(
        ConfigurationError, match=r"^DATABASE_URL is not a PostgreSQL URL\. Set it to postgresql://"
    ) as refused:
        database.read_connection_parameters()
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize("password", ["ge@heim", "ge/heim", "ge@he/im", "/geheim@"])
def test_an_unencoded_password_never_appears_as_a_host(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://rita:{password}@localhost/trials")
    with pytest.raises(
        ConfigurationError, match=r"^DATABASE_URL (has a special character in the password|is not)"
    ) as refused:
        database.read_connection_parameters()
    assert "heim" not in str(refused.value)


def test_a_url_without_a_database_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://rita:geheim@localhost")
    with pytest.raises(ConfigurationError, match=r"^DATABASE_URL names no database") as refused:
        database.read_connection_parameters()
    assert "geheim" not in str(refused.value)
