"""What the database refuses, in its own sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import DatabaseError

from ncfd_site.config.errors import UserError

# Classes of errors that the functions of the database raise with a sentence for people.
_MEANT_FOR_PEOPLE = ("22023", "42501", "55000")


@contextmanager
def refused_as(refusal: type[UserError]) -> Iterator[None]:
    """Raise `refusal` with the database's sentence where a function of it refuses; other errors stay as they are."""
    try:
        yield
    except DatabaseError as error:
        cause = error.__cause__
        # A function of ours raises by RAISE; the same codes by the server itself are none of our sentences.
        if (
            isinstance(cause, psycopg.Error)
            and cause.sqlstate in _MEANT_FOR_PEOPLE
            and cause.diag.source_function == "exec_stmt_raise"
        ):
            raise refusal(_sentence(cause.diag.message_primary or "")) from error
        raise


def _sentence(said: str) -> str:
    return f"The database refuses this: {said}."
