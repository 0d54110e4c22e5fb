"""The names under which the site answers."""

from urllib.parse import urlsplit

from ncfd_site.config import environment
from ncfd_site.config.errors import ConfigurationError

LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]


def production_hosts() -> list[str]:
    """ALLOWED_HOSTS, which must be set; raises `Misconfigured`."""
    names = environment.words("ALLOWED_HOSTS")
    if not names:
        raise ConfigurationError(
            "ALLOWED_HOSTS is not set: name the hosts that the site answers for, such as "
            "ALLOWED_HOSTS=ncfd.example.org."
        )
    for name in names:
        if "/" in name or (":" in name and not name.startswith("[")):
            raise ConfigurationError(
                f"ALLOWED_HOSTS holds {name!r}, but it takes names without scheme, port or path, such as "
                "ncfd.example.org."
            )
    return names


def trusted_origins() -> list[str]:
    """CSRF_TRUSTED_ORIGINS; raises `Misconfigured` where one is not a scheme and a host."""
    origins = environment.words("CSRF_TRUSTED_ORIGINS")
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/"):
            raise ConfigurationError(
                f"CSRF_TRUSTED_ORIGINS holds {origin!r}, but it takes a scheme and a host, such as "
                "https://ncfd.example.org."
            )
    return [origin.rstrip("/") for origin in origins]
