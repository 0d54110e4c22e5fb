"""Secrets that are generated once and kept in the home folder."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from ncfd_site.config import secret_key
from ncfd_site.config.errors import ConfigurationError
from tests.config.commands import STRONG_KEY


def key(home: str) -> str:
    return secret_key.read_development_key(Path(home))


def test_concurrent_processes_get_the_same_key(home: Path) -> None:
    with ProcessPoolExecutor(8, mp_context=get_context("spawn")) as pool:
        keys = set(pool.map(key, [str(home)] * 16))
    assert len(keys) == 1
    assert sorted(path.name for path in home.iterdir()) == ["secret_key", "secrets.lock"]


def test_the_environment_overrides_the_kept_key(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "mine")
    assert secret_key.read_development_key(home) == "mine"
    assert list(home.iterdir()) == []


def test_a_secret_is_generated_only_if_it_is_missing(home: Path) -> None:
    assert secret_key.read_or_create_secret(home / "new" / "secret", lambda: "first") == "first"
    assert secret_key.read_or_create_secret(home / "new" / "secret", lambda: pytest.fail("generated twice")) == "first"


def test_a_failed_generation_leaves_nothing(home: Path) -> None:
    def fail() -> str:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        secret_key.read_or_create_secret(home / "secret", fail)
    assert not (home / "secret").exists()


def test_an_unusable_path_is_refused(home: Path) -> None:
    (home / "secret").mkdir()
    with pytest.raises(ConfigurationError, match=r"^Cannot use .*secret: Is a directory\. Correct it"):
        secret_key.read_or_create_secret(home / "secret", str)


def test_fallback_keys_are_read_from_a_file_and_must_be_strong(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = STRONG_KEY, STRONG_KEY[::-1]
    (home / "keys").write_text(f"{first}\n{second}\n")
    monkeypatch.setenv("SECRET_KEY_FALLBACKS_FILE", str(home / "keys"))
    assert secret_key.read_fallback_keys() == [first, second]
    (home / "keys").write_text(f"{first},{second} short")
    with pytest.raises(ConfigurationError, match="Key 2 of SECRET_KEY_FALLBACKS has fewer than 50 characters"):
        secret_key.read_fallback_keys()
