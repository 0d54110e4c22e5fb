"""Typed readers of environment variables, the only place that reads `os.environ` for settings.

A blank variable counts as unset. A value of the wrong type raises `ConfigurationError`. Values of secrets never appear
in an error.
"""

import os
import re
from decimal import Decimal, InvalidOperation
from pathlib import Path
from urllib.parse import urlsplit

from ncfd_site.config.errors import ConfigurationError

BASE_DIR = Path(__file__).resolve().parents[2]
LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def read_text(name: str, default: str = "") -> str:
    """Return the stripped value, or the default."""
    return os.environ.get(name, "").strip() or default


def read_flag(name: str, *, default: bool) -> bool:
    """Return the value of 1, true, yes, on or 0, false, no, off, in any case. Raises `ConfigurationError`."""
    value = read_text(name).lower()
    if not value:
        return default
    if value not in _TRUE | _FALSE:
        raise ConfigurationError(f"{name} is {read_text(name)!r}. Set it to 1 or 0.")
    return value in _TRUE


def read_integer(name: str, *, default: int, minimum: int = 0, maximum: int | None = None) -> int:
    """Return an integer in a range, both ends included. Raises `ConfigurationError`."""
    value = read_text(name)
    if not value:
        return default
    try:
        number = int(value)
    except ValueError:
        number = None
    if number is None or number < minimum or (maximum is not None and number > maximum):
        limits = f"from {minimum} to {maximum}" if maximum is not None else f"of at least {minimum}"
        raise ConfigurationError(f"{name} is {value!r}. Set it to an integer {limits}.")
    return number


def read_share(name: str, *, default: Decimal) -> Decimal:
    """Return a number from 0 to 1, both included. Raises `ConfigurationError`."""
    value = read_text(name)
    if not value:
        return default
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not (number.is_finite() and 0 <= number <= 1):
        raise ConfigurationError(f"{name} is {value!r}. Set it to a number from 0 to 1, such as 0.15.")
    return number


def read_list(name: str) -> list[str]:
    """Return the items of a list separated by commas or blanks."""
    return read_text(name).replace(",", " ").split()


def read_pattern(name: str, pattern: str, *, expected: str, default: str = "") -> str:
    """Return a value that matches the whole pattern, or raise `ConfigurationError` with "Set it to `expected`"."""
    value = read_text(name, default)
    if value and not re.fullmatch(pattern, value):
        raise ConfigurationError(f"{name} is {value!r}. Set it to {expected}.")
    return value


def read_service_url(name: str) -> str:
    """Return an http or https URL without credentials, "" if unset. Raises `ConfigurationError`."""
    value = read_text(name)
    expected = "Set it to the URL of a service, such as https://s3.example.org."
    try:
        parts = urlsplit(value)
        is_service = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ConfigurationError(f"{name} is not a URL. {expected}") from None
    if "@" in parts.netloc:
        raise ConfigurationError(f"{name} contains a username or a password. {expected}")
    if value and (not is_service or parts.query or parts.fragment):
        raise ConfigurationError(f"{name} is {value!r}. {expected}")
    return value


def read_folder(name: str, *, default: Path) -> Path:
    """Return an absolute path, `~` expanded. Raises `ConfigurationError` if it exists and is no folder."""
    value = read_text(name)
    path = Path(value).expanduser().absolute() if value else default
    if path.exists() and not path.is_dir():
        raise ConfigurationError(f"{name} names the file {str(path)!r}. Set it to a folder.")
    return path


def read_file(name: str, *, default: Path) -> Path:
    """Return the absolute path of a file, `~` expanded. Raises `ConfigurationError` if it is not there."""
    value = read_text(name)
    path = Path(value).expanduser().absolute() if value else default
    if not path.is_file():
        raise ConfigurationError(f"{name} names {str(path)!r}, which is no file. Set it to a file.")
    return path


def read_secret(name: str) -> str:
    """Return the value of NAME, or the content of the file that NAME_FILE names; "" if neither is set."""
    file_name = f"{name}_FILE"
    value, file = read_text(name), read_text(file_name)
    if value and file:
        raise ConfigurationError(f"{name} and {file_name} are both set. Keep one of them.")
    if not file:
        return value
    try:
        value = Path(file).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(
            f"Cannot read {file!r} of {file_name}: {reason}. Correct the path or the file."
        ) from None
    if not value:
        raise ConfigurationError(f"The file {file!r} of {file_name} is empty. Write the secret into it.")
    return value


def read_home_folder() -> Path:
    """Return the folder for data of this installation: NCFD_HOME, by default `.ncfd` beside `manage.py`."""
    return read_folder("NCFD_HOME", default=BASE_DIR / ".ncfd")


def read_allowed_hosts() -> list[str]:
    """Return ALLOWED_HOSTS, which is required."""
    names = read_list("ALLOWED_HOSTS")
    if not names:
        raise ConfigurationError("ALLOWED_HOSTS is not set. Set it to the site's host names, such as ncfd.example.org.")
    for name in names:
        if "/" in name or (":" in name and not name.startswith("[")):
            raise ConfigurationError(
                f"ALLOWED_HOSTS contains {name!r}. Write host names without scheme, port or path, such as "
                "ncfd.example.org."
            )
    return names


def read_trusted_origins() -> list[str]:
    """Return CSRF_TRUSTED_ORIGINS: schemes with hosts."""
    origins = read_list("CSRF_TRUSTED_ORIGINS")
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/"):
            raise ConfigurationError(
                f"CSRF_TRUSTED_ORIGINS contains {origin!r}. Write a scheme and a host, such as "
                "https://ncfd.example.org."
            )
    return [origin.rstrip("/") for origin in origins]
