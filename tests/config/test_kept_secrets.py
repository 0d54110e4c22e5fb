from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from ncfd_site.config import secret_key
from ncfd_site.config.errors import ConfigurationError


def key(home: str) -> str:
    return secret_key.development_key(Path(home))


def test_processes_that_start_at_once_get_the_same_key(home: Path) -> None:
    with ProcessPoolExecutor(8, mp_context=get_context("spawn")) as pool:
        keys = set(pool.map(key, [str(home)] * 16))
    assert len(keys) == 1
    assert sorted(path.name for path in home.iterdir()) == ["secret_key", "secrets.lock"]


def test_key_of_the_environment_comes_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "mine")
    assert secret_key.development_key(home) == "mine"
    assert list(home.iterdir()) == []


def test_text_is_made_only_when_it_is_missing(home: Path) -> None:
    assert secret_key.kept_secret(home / "new" / "secret", lambda: "first") == "first"
    assert secret_key.kept_secret(home / "new" / "secret", lambda: pytest.fail("made again")) == "first"


def test_failure_while_it_is_made_leaves_nothing(home: Path) -> None:
    def fail() -> str:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        secret_key.kept_secret(home / "secret", fail)
    assert not (home / "secret").exists()


def test_place_that_cannot_be_used_is_told(home: Path) -> None:
    (home / "secret").mkdir()
    with pytest.raises(ConfigurationError, match=r"secret cannot be used \(Is a directory\): mend that"):
        secret_key.kept_secret(home / "secret", str)
