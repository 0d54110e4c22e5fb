"""Sessions in the database, which SESSION_ENGINE names: Django wants the store in a module of its own."""

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.db import OperationalError


class SessionStore(db.SessionStore):
    """Django's store, which takes every error of a save for a deleted session: 400 instead of 503."""

    def save(self, must_create: bool = False) -> None:
        """Save the session. Raises `OperationalError` if the database is lost, `UpdateError` if the session is."""
        try:
            super().save(must_create)
        except UpdateError as error:
            # What the database reported.
            failure = error.__context__ if isinstance(error.__context__, OperationalError) else error
        else:
            return
        raise failure
