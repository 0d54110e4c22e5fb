"""The key that signs sessions and links: given in production, made once in development."""

import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

from ncfd_site.config import environment, file_lock
from ncfd_site.config.errors import ConfigurationError

SHORTEST = 50
FEWEST_DISTINCT = 10
_MAKE_ONE = """python -c "import secrets; print(secrets.token_urlsafe(50))\""""


def production_key() -> str:
    """SECRET_KEY, which must be set and strong; raises `Misconfigured`."""
    key = environment.secret("SECRET_KEY")
    if not key:
        raise ConfigurationError(f"SECRET_KEY is not set: make one with `{_MAKE_ONE}`.")
    if weakness := _weakness(key):
        raise ConfigurationError(f"SECRET_KEY is weak, because it {weakness}: make a strong one with `{_MAKE_ONE}`.")
    return key


def development_key(home: Path) -> str:
    """SECRET_KEY where it is set, else a key that is made once and kept in the home folder for its owner alone."""
    return environment.secret("SECRET_KEY") or kept_secret(home / "secret_key", lambda: secrets.token_urlsafe(50))


def kept_secret(file: Path, fresh: Callable[[], str]) -> str:
    """What the file holds; where it is missing it is made of `fresh()`, readable for its owner alone.

    Several processes may do so at once: all of them get the same text.
    """
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            with file_lock.held(file.parent / "secrets.lock"):
                if not file.exists():
                    descriptor, unfinished = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
                    with os.fdopen(descriptor, "w") as stream:
                        stream.write(fresh())
                    Path(unfinished).rename(file)
        return file.read_text()
    except OSError as error:
        raise ConfigurationError(
            f"{error.filename} cannot be used ({error.strerror}): mend that, or set NCFD_HOME to a folder of your own."
        ) from error


def _weakness(key: str) -> str:
    if key.startswith("django-insecure-"):
        return 'starts with "django-insecure-"'
    if len(key) < SHORTEST:
        return f"has fewer than {SHORTEST} characters"
    if len(set(key)) < FEWEST_DISTINCT:
        return f"has fewer than {FEWEST_DISTINCT} distinct characters"
    return ""
