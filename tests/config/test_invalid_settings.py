"""Settings that stop every command with one line."""

from pathlib import Path

import pytest

from tests.config.commands import (
    STRONG_KEY,
    manage,
    production,
    run,
)

URL = "postgresql://rita:geheim@localhost:1/trials"
GENERATE_KEY = 'Generate one with `python -c "import secrets; print(secrets.token_urlsafe(50))"`.'


@pytest.mark.parametrize("command", ["check", "migrate", "migrate_alembic", "runserver", "shell", "help", "show_urls"])
def test_every_command_reports_a_missing_setting(home: Path, command: str) -> None:
    assert manage(home, command, DATABASE_URL=URL).error() == f"SECRET_KEY is not set. {GENERATE_KEY}"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"SECRET_KEY": "short"},
            "SECRET_KEY is weak: it has fewer than 50 characters. Generate one with",
        ),
        ({"SECRET_KEY": "ab" * 40}, "SECRET_KEY is weak: it has fewer than 10 distinct characters."),
        (
            {"SECRET_KEY": f"django-insecure-{STRONG_KEY}"},
            'SECRET_KEY is weak: it starts with "django-insecure-"',
        ),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS is not set. Set it to the site's host names, such as"),
        (
            {"ALLOWED_HOSTS": "https://ncfd.example.org"},
            "ALLOWED_HOSTS contains 'https://ncfd.example.org'. Write host names",
        ),
        ({"ALLOWED_HOSTS": "ncfd.example.org:443"}, "ALLOWED_HOSTS contains 'ncfd.example.org:443'. Write host names"),
        ({"CSRF_TRUSTED_ORIGINS": "ncfd.example.org"}, "CSRF_TRUSTED_ORIGINS contains 'ncfd.example.org'. Write a"),
        ({"DEBUG": "perhaps"}, "DEBUG is 'perhaps'. Set it to 1 or 0."),
        ({"PORT": "http"}, "PORT is 'http'. Set it to an integer from 1 to 65535."),
        ({"HSTS_SECONDS": "-1"}, "HSTS_SECONDS is '-1'. Set it to an integer of at least 0."),
        ({"CONTENT_ROOT": __file__}, "CONTENT_ROOT names the file "),
        ({"SHARED_ROOT": __file__}, "SHARED_ROOT names the file "),
        ({"SHARED_ROOT": "s3://bucket"}, "SHARED_ROOT is 's3://bucket'. Set it to a folder or to s3://BUCKET/PREFIX."),
        (
            {"CONTENT_S3_BUCKET": "s3://bucket/key"},
            "CONTENT_S3_BUCKET is 's3://bucket/key'. Set it to the name of a bucket",
        ),
        ({"CONTENT_S3_PREFIX": "../else"}, "CONTENT_S3_PREFIX is '../else'. Set it to a prefix of keys"),
        ({"CONTENT_S3_PREFIX": "content/"}, "CONTENT_S3_PREFIX is 'content/'. Set it to a prefix of keys"),
        (
            {"REVIEW_SECOND_SHARE": "15 %"},
            "REVIEW_SECOND_SHARE is '15 %'. Set it to a number from 0 to 1, such as 0.15",
        ),
        ({"REVIEW_SECOND_SHARE": "1.5"}, "REVIEW_SECOND_SHARE is '1.5'. Set it to a number from 0 to 1"),
        ({"REVIEW_SECOND_SHARE": "nan"}, "REVIEW_SECOND_SHARE is 'nan'. Set it to a number from 0 to 1"),
        ({"REVIEW_LEASE_MINUTES": "0"}, "REVIEW_LEASE_MINUTES is '0'. Set it to an integer from 1"),
        ({"LOGIN_ATTEMPTS": "0"}, "LOGIN_ATTEMPTS is '0'. Set it to an integer from 1 to 1000"),
        ({"LOGIN_COOL_OFF_MINUTES": "soon"}, "LOGIN_COOL_OFF_MINUTES is 'soon'. Set it to an integer"),
        ({"CONTENT_S3_ENDPOINT": "s3.example.org"}, "CONTENT_S3_ENDPOINT is 's3.example.org'. Set it to the URL"),
        ({"CONTENT_S3_ENDPOINT": "https://a:geheim@b"}, "CONTENT_S3_ENDPOINT contains a username or a password"),
        ({"FETCH_USER_AGENT": "Zoë"}, "FETCH_USER_AGENT is 'Zoë'. Set it to your organization and e-mail address"),
        ({"CONTENT_S3_REGION": "eu central"}, "CONTENT_S3_REGION is 'eu central'. Set it to the name of a region"),
        ({"SECRET_KEY_FILE": "/nowhere"}, "SECRET_KEY and SECRET_KEY_FILE are both set. Keep one of them."),
        ({"DATABASE_URL_FILE": "/nowhere"}, "DATABASE_URL and DATABASE_URL_FILE are both set. Keep one of them."),
        (
            {"DATABASE_URL": "mysql://rita:geheim@localhost/trials"},
            "DATABASE_URL is not a PostgreSQL URL. Set it to",
        ),
    ],
)
def test_production_refuses_missing_and_invalid_settings(home: Path, variables: dict[str, str], message: str) -> None:
    error = manage(home, "check", **{**production(URL), **variables}).error()
    assert error.startswith(message)
    for secret in ("geheim", "short", "abab", STRONG_KEY):
        assert secret not in error


def test_a_key_from_a_file_must_be_strong(home: Path) -> None:
    (home / "key").write_text("weak")
    variables = production(URL, SECRET_KEY="", SECRET_KEY_FILE=str(home / "key"))
    assert manage(home, "check", **variables).error().startswith("SECRET_KEY is weak")
    (home / "key").write_text(STRONG_KEY)
    assert manage(home, "check", **variables).code == 0


def test_the_embedded_database_is_refused_without_debug(home: Path) -> None:
    error = manage(home, "check", DEBUG="0").error()
    assert error.startswith("DEBUG is off, but DATABASE_URL is not set. Set DATABASE_URL")


def test_an_unusable_home_is_refused(home: Path) -> None:
    (home / "file").touch()
    error = manage(home / "file" / "home", "check").error()
    assert error.endswith("or set NCFD_HOME to a folder of your own.")


def test_traceback_option_shows_the_traceback(home: Path) -> None:
    assert "Traceback" in manage(home, "check", "--traceback", DATABASE_URL=URL).errors


def test_the_web_server_ends_with_the_error(home: Path) -> None:
    arguments = ["-m", "gunicorn", "--bind", "127.0.0.1:0", "ncfd_site.wsgi"]
    result = run(home, *arguments, DATABASE_URL=URL, PYTHONWARNINGS="default")
    assert result.code != 0
    assert f"SECRET_KEY is not set. {GENERATE_KEY}\n" in result.errors
    assert "Traceback" not in result.errors
