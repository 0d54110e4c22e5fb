"""Whether a port can be listened on."""

import errno
import socket

from ncfd_site.config.errors import ConfigurationError


def require_free(port: int, address: str = "127.0.0.1") -> None:
    """Raise `Misconfigured` unless a server can listen there."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        # As the server itself does: a port that a closed connection still lingers on is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            reason = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
            raise ConfigurationError(
                f"Port {port} of {address} {reason}: stop what listens there, or choose another one, as in "
                f"`make run PORT={port + 1 if port < 65535 else 8001}`."
            ) from None
