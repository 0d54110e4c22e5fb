"""Settings of development and production."""

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
PRINT_SETTINGS = """
import json, sys, os
os.environ["DJANGO_SETTINGS_MODULE"] = "ncfd_site.settings"
from django.conf import settings
print(json.dumps({name: getattr(settings, name) for name in sys.argv[1:]}, default=str))
"""


def read_settings(home: Path, *names: str, **variables: str) -> dict[str, object]:
    result = run(home, "-c", PRINT_SETTINGS, *names, **variables)
    assert result.code == 0, result.errors
    settings: dict[str, object] = json.loads(result.output)
    return settings


def test_development_needs_nothing_and_stays_on_loopback(home: Path) -> None:
    settings = read_settings(home, "DEBUG", "ALLOWED_HOSTS", "CONTENT_ROOT", "PORT", "SECURE_SSL_REDIRECT")
    assert settings == {
        "DEBUG": True,
        "ALLOWED_HOSTS": ["localhost", "127.0.0.1", "[::1]"],
        "CONTENT_ROOT": str(home / "content"),
        "PORT": 8000,
        "SECURE_SSL_REDIRECT": False,
    }


def test_the_development_key_is_generated_once_for_its_owner(home: Path) -> None:
    first = read_settings(home, "SECRET_KEY")
    assert len(str(first["SECRET_KEY"])) >= 50
    assert read_settings(home, "SECRET_KEY") == first
    assert stat.S_IMODE((home / "secret_key").stat().st_mode) == 0o600


def test_production_has_debug_off_unless_set(home: Path) -> None:
    assert read_settings(home, "DEBUG", "SECRET_KEY", **production(URL)) == {"DEBUG": False, "SECRET_KEY": STRONG_KEY}
    assert read_settings(home, "DEBUG", **production(URL, DEBUG="1")) == {"DEBUG": True}
    assert not (home / "secret_key").exists()


def test_former_keys_are_read_from_the_environment(home: Path) -> None:
    former = STRONG_KEY[::-1]
    settings = read_settings(home, "SECRET_KEY_FALLBACKS", **production(URL, SECRET_KEY_FALLBACKS=former))
    assert settings == {"SECRET_KEY_FALLBACKS": [former]}


def test_production_passes_the_deployment_check(home: Path) -> None:
    checked = manage(home, "check", "--deploy", "--fail-level", "WARNING", **production(URL))
    assert checked.code == 0, checked.errors
    assert "no issues" in checked.output


def test_https_can_be_turned_off(home: Path) -> None:
    names = ["SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "SECURE_HSTS_SECONDS"]
    assert list(read_settings(home, *names, **production(URL)).values()) == [True, True, 31536000]
    assert list(read_settings(home, *names, **production(URL, HTTPS="0")).values()) == [False, False, 0]


def test_headers_of_a_proxy_count_only_if_it_is_trusted(home: Path) -> None:
    assert read_settings(home, "SECURE_PROXY_SSL_HEADER", **production(URL)) == {"SECURE_PROXY_SSL_HEADER": None}
    trusting = read_settings(home, "SECURE_PROXY_SSL_HEADER", **production(URL, TRUST_PROXY="1"))
    assert trusting == {"SECURE_PROXY_SSL_HEADER": ["HTTP_X_FORWARDED_PROTO", "https"]}


def test_commands_that_need_no_database_start_none(home: Path) -> None:
    assert manage(home, "help").code == 0
    assert manage(home, "show_urls").code == 0
    assert not (home / "postgres").exists()
