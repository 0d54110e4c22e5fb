"""SECRET_KEY: required in production, generated once in development."""

import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

from ncfd_site.config import environment, file_lock
from ncfd_site.config.errors import ConfigurationError

MIN_LENGTH = 50
MIN_DISTINCT = 10
_GENERATE = """Generate one with `python -c "import secrets; print(secrets.token_urlsafe(50))"`."""


def read_production_key() -> str:
    """Return SECRET_KEY. Raises `ConfigurationError` if it is unset or weak."""
    key = environment.read_secret("SECRET_KEY")
    if not key:
        raise ConfigurationError(f"SECRET_KEY is not set. {_GENERATE}")
    if weakness := _find_weakness(key):
        raise ConfigurationError(f"SECRET_KEY is weak: it {weakness}. {_GENERATE}")
    return key


def read_fallback_keys() -> list[str]:
    """Return the former keys in SECRET_KEY_FALLBACKS. Raises `ConfigurationError` if one is weak."""
    keys = environment.read_secret("SECRET_KEY_FALLBACKS").split()
    for number, key in enumerate(keys, 1):
        if weakness := _find_weakness(key):
            raise ConfigurationError(
                f"Key {number} of SECRET_KEY_FALLBACKS {weakness}. Separate keys by blanks or lines."
            )
    return keys


def read_development_key(home: Path) -> str:
    """Return SECRET_KEY, by default one that is generated once and kept in the home folder."""
    return environment.read_secret("SECRET_KEY") or read_or_create_secret(
        home / "secret_key", lambda: secrets.token_urlsafe(50)
    )


def read_or_create_secret(file: Path, generate: Callable[[], str]) -> str:
    """Return the content of a file that only its owner can read, created from `generate()` if it is missing.

    Processes that do this at the same time get the same text.
    """
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            with file_lock.hold(file.parent / "secrets.lock"):
                if not file.exists():
                    descriptor, unfinished = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
                    with os.fdopen(descriptor, "w") as stream:
                        stream.write(generate())
                    Path(unfinished).rename(file)
        return file.read_text()
    except OSError as error:
        raise ConfigurationError(
            f"Cannot use {error.filename}: {error.strerror}. Correct it, or set NCFD_HOME to a folder of your own."
        ) from error


def _find_weakness(key: str) -> str:
    if key.startswith("django-insecure-"):
        return 'starts with "django-insecure-"'
    if len(key) < MIN_LENGTH:
        return f"has fewer than {MIN_LENGTH} characters"
    if len(set(key)) < MIN_DISTINCT:
        return f"has fewer than {MIN_DISTINCT} distinct characters"
    return ""
