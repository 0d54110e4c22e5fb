"""Typed readers of the environment: the one place that looks at `os.environ` for the site's settings.

A variable that is set to nothing but blanks counts as not set. A value of the wrong type raises `Misconfigured`
with a sentence that names the variable; the value of a secret is never repeated.
"""

import os
import re
from decimal import Decimal, InvalidOperation
from pathlib import Path
from urllib.parse import urlsplit

from ncfd_site.config.errors import ConfigurationError

BASE_DIR = Path(__file__).resolve().parents[2]

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def text(name: str, default: str = "") -> str:
    """The value of the variable without blanks around it, else `default`."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, *, default: bool) -> bool:
    """1, true, yes, on or 0, false, no, off, in any case."""
    value = text(name).lower()
    if not value:
        return default
    if value not in _TRUE | _FALSE:
        raise ConfigurationError(f"{name} is {text(name)!r}, but it says yes or no: set it to 1 or 0.")
    return value in _TRUE


def whole(name: str, *, default: int, least: int = 0, most: int | None = None) -> int:
    """A whole number from `least` to `most`, both included."""
    value = text(name)
    if not value:
        return default
    limits = f"from {least} to {most}" if most is not None else f"of at least {least}"
    try:
        number = int(value)
    except ValueError:
        raise ConfigurationError(f"{name} is {value!r}, but it is a whole number {limits}.") from None
    if number < least or (most is not None and number > most):
        raise ConfigurationError(f"{name} is {number}, but it is a whole number {limits}.")
    return number


def share(name: str, *, default: Decimal) -> Decimal:
    """A part of a whole, from 0 to 1, both included."""
    value = text(name)
    if not value:
        return default
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not (number.is_finite() and 0 <= number <= 1):
        raise ConfigurationError(f"{name} is {value!r}, but it is a share from 0 to 1, such as 0.15.")
    return number


def words(name: str) -> list[str]:
    """A list separated by commas or blanks; empty where the variable is not set."""
    return text(name).replace(",", " ").split()


def shaped(name: str, pattern: str, *, means: str, default: str = "") -> str:
    """A value that the whole pattern fits; `means` says in words what fits, after "it is"."""
    value = text(name, default)
    if value and not re.fullmatch(pattern, value):
        raise ConfigurationError(f"{name} is {value!r}, but it is {means}.")
    return value


def endpoint(name: str) -> str:
    """The address of a service, http or https, without a name or password in it; empty where it is not set."""
    value = text(name)
    try:
        parts = urlsplit(value)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ConfigurationError(f"{name} is no address of a service, such as https://s3.example.org.") from None
    if "@" in parts.netloc:
        raise ConfigurationError(
            f"{name} holds a name or a password: keep those elsewhere, and leave the address alone."
        )
    if value and (not fits or parts.query or parts.fragment):
        raise ConfigurationError(
            f"{name} is {value!r}, but it is the address of a service, such as https://s3.example.org."
        )
    return value


def folder(name: str, *, default: Path) -> Path:
    """A folder as an absolute path, which need not exist yet; `~` is the home of the user."""
    value = text(name)
    path = Path(value).expanduser().absolute() if value else default
    if path.exists() and not path.is_dir():
        raise ConfigurationError(f"{name} is {str(path)!r}, which is a file, but it names a folder.")
    return path


def secret(name: str) -> str:
    """The value of NAME, or what the file that NAME_FILE names holds; empty where neither is set.

    Both at once are refused: nobody could tell which one counts.
    """
    from_file = f"{name}_FILE"
    value, file = text(name), text(from_file)
    if value and file:
        raise ConfigurationError(f"{name} and {from_file} are both set: keep one of them.")
    if not file:
        return value
    try:
        value = Path(file).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(f"{from_file} names {file!r}, which cannot be read: {reason}.") from None
    if not value:
        raise ConfigurationError(f"{from_file} names {file!r}, which is empty.")
    return value


def home() -> Path:
    """The folder of what this installation keeps beside its code: NCFD_HOME, else `.ncfd` next to `manage.py`."""
    return folder("NCFD_HOME", default=BASE_DIR / ".ncfd")
