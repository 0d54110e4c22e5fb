from pathlib import Path

import pytest

from tests.config.commands import (
    STRONG_KEY,
    manage,
    production,
    run,
)

URL = "postgresql://rita:geheim@localhost:1/trials"
MAKE_KEY = 'make one with `python -c "import secrets; print(secrets.token_urlsafe(50))"`.'


@pytest.mark.parametrize("command", ["check", "migrate", "migrate_alembic", "runserver", "shell", "help", "show_urls"])
def test_every_command_says_one_sentence(home: Path, command: str) -> None:
    assert manage(home, command, DATABASE_URL=URL).refusal() == f"SECRET_KEY is not set: {MAKE_KEY}"


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        (
            {"SECRET_KEY": "short"},
            "SECRET_KEY is weak, because it has fewer than 50 characters: make a strong one with",
        ),
        ({"SECRET_KEY": "ab" * 40}, "SECRET_KEY is weak, because it has fewer than 10 distinct characters:"),
        (
            {"SECRET_KEY": f"django-insecure-{STRONG_KEY}"},
            'SECRET_KEY is weak, because it starts with "django-insecure-"',
        ),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS is not set: name the hosts that the site answers for, such as"),
        ({"ALLOWED_HOSTS": "https://ncfd.example.org"}, "ALLOWED_HOSTS holds 'https://ncfd.example.org', but it takes"),
        ({"ALLOWED_HOSTS": "ncfd.example.org:443"}, "ALLOWED_HOSTS holds 'ncfd.example.org:443', but it takes names"),
        ({"CSRF_TRUSTED_ORIGINS": "ncfd.example.org"}, "CSRF_TRUSTED_ORIGINS holds 'ncfd.example.org', but it takes a"),
        ({"DEBUG": "perhaps"}, "DEBUG is 'perhaps', but it says yes or no: set it to 1 or 0."),
        ({"PORT": "http"}, "PORT is 'http', but it is a whole number from 1 to 65535."),
        ({"HSTS_SECONDS": "-1"}, "HSTS_SECONDS is -1, but it is a whole number of at least 0."),
        ({"CONTENT_ROOT": __file__}, "CONTENT_ROOT is "),
        ({"CONTENT_S3_BUCKET": "s3://bucket/key"}, "CONTENT_S3_BUCKET is 's3://bucket/key', but it is the name of a"),
        ({"CONTENT_S3_PREFIX": "../else"}, "CONTENT_S3_PREFIX is '../else', but it is what all keys begin with"),
        ({"CONTENT_S3_PREFIX": "content/"}, "CONTENT_S3_PREFIX is 'content/', but it is what all keys begin with"),
        ({"REVIEW_SECOND_SHARE": "15 %"}, "REVIEW_SECOND_SHARE is '15 %', but it is a share from 0 to 1, such as 0.15"),
        ({"REVIEW_SECOND_SHARE": "1.5"}, "REVIEW_SECOND_SHARE is '1.5', but it is a share from 0 to 1"),
        ({"REVIEW_SECOND_SHARE": "nan"}, "REVIEW_SECOND_SHARE is 'nan', but it is a share from 0 to 1"),
        ({"REVIEW_LEASE_MINUTES": "0"}, "REVIEW_LEASE_MINUTES is 0, but it is a whole number from 1"),
        ({"LOGIN_ATTEMPTS": "0"}, "LOGIN_ATTEMPTS is 0, but it is a whole number from 1 to 1000"),
        ({"LOGIN_COOL_OFF_MINUTES": "soon"}, "LOGIN_COOL_OFF_MINUTES is 'soon', but it is a whole number"),
        ({"CONTENT_S3_ENDPOINT": "s3.example.org"}, "CONTENT_S3_ENDPOINT is 's3.example.org', but it is the address"),
        ({"CONTENT_S3_ENDPOINT": "https://a:geheim@b"}, "CONTENT_S3_ENDPOINT holds a name or a password"),
        ({"CONTENT_S3_REGION": "eu central"}, "CONTENT_S3_REGION is 'eu central', but it is the name of a region"),
        ({"SECRET_KEY_FILE": "/nowhere"}, "SECRET_KEY and SECRET_KEY_FILE are both set: keep one of them."),
        ({"DATABASE_URL_FILE": "/nowhere"}, "DATABASE_URL and DATABASE_URL_FILE are both set: keep one of them."),
        (
            {"DATABASE_URL": "mysql://rita:geheim@localhost/trials"},
            "DATABASE_URL is not an address of PostgreSQL: write",
        ),
    ],
)
def test_production_refuses_what_is_missing_or_wrong(home: Path, variables: dict[str, str], sentence: str) -> None:
    refusal = manage(home, "check", **{**production(URL), **variables}).refusal()
    assert refusal.startswith(sentence)
    for secret in ("geheim", "short", "abab", STRONG_KEY):
        assert secret not in refusal.replace("short,", "")


def test_key_from_a_file_is_held_to_the_same(home: Path) -> None:
    (home / "key").write_text("weak")
    variables = production(URL, SECRET_KEY="", SECRET_KEY_FILE=str(home / "key"))
    assert manage(home, "check", **variables).refusal().startswith("SECRET_KEY is weak")
    (home / "key").write_text(STRONG_KEY)
    assert manage(home, "check", **variables).code == 0


def test_development_database_is_refused_when_debug_is_off(home: Path) -> None:
    refusal = manage(home, "check", DEBUG="0").refusal()
    assert refusal.startswith("DEBUG is off but DATABASE_URL is not set: the embedded database is for development")


def test_home_that_cannot_be_written_is_refused(home: Path) -> None:
    (home / "file").touch()
    refusal = manage(home / "file" / "home", "check").refusal()
    assert refusal.endswith("or set NCFD_HOME to a folder of your own.")


def test_a_traceback_can_be_asked_for(home: Path) -> None:
    assert "Traceback" in manage(home, "check", "--traceback", DATABASE_URL=URL).errors


def test_web_server_says_the_sentence_and_ends(home: Path) -> None:
    arguments = ["-m", "gunicorn", "--bind", "127.0.0.1:0", "ncfd_site.wsgi"]
    ended = run(home, *arguments, DATABASE_URL=URL, PYTHONWARNINGS="default")
    assert ended.code != 0
    assert f"SECRET_KEY is not set: {MAKE_KEY}\n" in ended.errors
    assert "Traceback" not in ended.errors
