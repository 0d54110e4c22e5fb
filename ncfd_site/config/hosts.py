"""Host names that the site serves, and origins whose forms it accepts."""

from urllib.parse import urlsplit

from ncfd_site.config import environment
from ncfd_site.config.errors import ConfigurationError

LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]


def read_allowed_hosts() -> list[str]:
    """Return ALLOWED_HOSTS, which is required."""
    names = environment.read_list("ALLOWED_HOSTS")
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
    origins = environment.read_list("CSRF_TRUSTED_ORIGINS")
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/"):
            raise ConfigurationError(
                f"CSRF_TRUSTED_ORIGINS contains {origin!r}. Write a scheme and a host, such as "
                "https://ncfd.example.org."
            )
    return [origin.rstrip("/") for origin in origins]
