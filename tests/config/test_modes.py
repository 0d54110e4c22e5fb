import json
import stat
from pathlib import Path

from tests.config.commands import (
    STRONG_KEY,
    manage,
    production,
    run,
)

URL = "postgresql://rita:geheim@localhost:1/trials"
TELL = """
import json, sys, os
os.environ["DJANGO_SETTINGS_MODULE"] = "ncfd_site.settings"
from django.conf import settings
print(json.dumps({name: getattr(settings, name) for name in sys.argv[1:]}, default=str))
"""


def told(home: Path, *names: str, **variables: str) -> dict[str, object]:
    result = run(home, "-c", TELL, *names, **variables)
    assert result.code == 0, result.errors
    settings: dict[str, object] = json.loads(result.output)
    return settings


def test_development_needs_nothing_and_stays_on_loopback(home: Path) -> None:
    settings = told(home, "DEBUG", "ALLOWED_HOSTS", "CONTENT_ROOT", "PORT", "SECURE_SSL_REDIRECT")
    assert settings == {
        "DEBUG": True,
        "ALLOWED_HOSTS": ["localhost", "127.0.0.1", "[::1]"],
        "CONTENT_ROOT": str(home / "content"),
        "PORT": 8000,
        "SECURE_SSL_REDIRECT": False,
    }


def test_development_key_is_made_once_for_its_owner_alone(home: Path) -> None:
    first = told(home, "SECRET_KEY")
    assert len(str(first["SECRET_KEY"])) >= 50
    assert told(home, "SECRET_KEY") == first
    assert stat.S_IMODE((home / "secret_key").stat().st_mode) == 0o600


def test_production_has_debug_off_unless_set(home: Path) -> None:
    assert told(home, "DEBUG", "SECRET_KEY", **production(URL)) == {"DEBUG": False, "SECRET_KEY": STRONG_KEY}
    assert told(home, "DEBUG", **production(URL, DEBUG="1")) == {"DEBUG": True}
    assert not (home / "secret_key").exists()


def test_production_passes_the_deployment_check(home: Path) -> None:
    checked = manage(home, "check", "--deploy", "--fail-level", "WARNING", **production(URL))
    assert checked.code == 0, checked.errors
    assert "no issues" in checked.output


def test_plain_http_can_be_asked_for(home: Path) -> None:
    names = ["SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "SECURE_HSTS_SECONDS"]
    assert list(told(home, *names, **production(URL)).values()) == [True, True, 31536000]
    assert list(told(home, *names, **production(URL, HTTPS="0")).values()) == [False, False, 0]


def test_word_of_a_proxy_counts_only_when_it_is_trusted(home: Path) -> None:
    assert told(home, "SECURE_PROXY_SSL_HEADER", **production(URL)) == {"SECURE_PROXY_SSL_HEADER": None}
    trusting = told(home, "SECURE_PROXY_SSL_HEADER", **production(URL, TRUST_PROXY="1"))
    assert trusting == {"SECURE_PROXY_SSL_HEADER": ["HTTP_X_FORWARDED_PROTO", "https"]}


def test_commands_that_need_no_database_start_none(home: Path) -> None:
    assert manage(home, "help").code == 0
    assert manage(home, "show_urls").code == 0
    assert not (home / "postgres").exists()
