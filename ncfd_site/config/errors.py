"""What the site says instead of a traceback: one sentence that a person can act on.

`manage.py`, the WSGI entry and the Alembic environment print a `Refusal` and leave with a non-zero exit code.
"""

from django.db.utils import OperationalError


class UserError(Exception):
    """The text is the whole message: what is wrong, where, and what to do. It never holds a secret."""


class ConfigurationError(UserError):
    """The environment or the settings do not allow a start."""


class DatabaseUnavailable(UserError, OperationalError):
    """The database cannot be used as it is: not running, not reachable, not let in, too old."""
