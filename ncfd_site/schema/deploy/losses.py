"""Rows that a downgrade destroys, counted before anything is reverted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psycopg

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema import retrying, source
from ncfd_site.schema.deploy.report import MigrationError
from ncfd_site.schema.deploy.revisions import Revision
from ncfd_site.schema.deploy.session import Connection

_REFUSE = "SELECT pg_temp.refuse_loss("
_COUNT = "SELECT name, rows FROM pg_temp.count_losses("


@dataclass(frozen=True)
class Loss:
    """Rows that the downgrade of a revision destroys, by table."""

    revision: str
    rows: dict[str, int]

    def __str__(self) -> str:
        return ", ".join(f"{table} ({rows:,})" for table, rows in self.rows.items())

    @property
    def consent(self) -> str:
        """The option that consents to the loss."""
        return f"--allow-destructive {self.revision}"


def find_losses(connection: Connection, steps: Sequence[tuple[str, Revision]]) -> list[Loss]:
    """Return the losses of each step as `pg_temp.refuse_loss` in its SQL counts them; changes nothing.

    Raises `psycopg.Error` where the role or server allows no temporary objects.
    """
    reverted = [revision for direction, revision in steps if direction == "down"]
    return retrying.retry_while_locked(lambda: list(_count_rows_lost(connection, reverted))) if reverted else []


def _count_rows_lost(connection: Connection, reverted: Sequence[Revision]) -> Iterator[Loss]:
    with connection.transaction(force_rollback=True):
        connection.execute(source.read_helpers().encode())
        for revision in reverted:
            connection.execute("SELECT set_config('ncfd.revision', %s, true)", [revision.id])
            rows: dict[str, int] = {}
            for statement in source.split_statements(source.read_sql(revision.path, "down")):
                line = source.strip_comments(statement)
                if line.startswith(_REFUSE):
                    rows |= _read_counts(connection, line.replace(_REFUSE, _COUNT, 1))
            if rows:
                yield Loss(revision.id, rows)


def _read_counts(connection: Connection, statement: str) -> dict[str, int]:
    try:
        with connection.transaction():
            return dict(connection.execute(statement.encode()).fetchall())
    except psycopg.errors.UndefinedColumn:
        # A step before this one adds the column; its own check counts the rows.
        return {}


def require_consent(losses: Sequence[Loss], agreed: Sequence[str]) -> None:
    """Raise `MigrationError` if rows would be destroyed without consent."""
    if unagreed := [each for each in losses if each.revision not in agreed]:
        lines = "".join(f"\n  the downgrade of {each.revision} would destroy rows of {each}" for each in unagreed)
        raise MigrationError(
            f"Refused; nothing was changed:{lines}\nTo consent: {' '.join(each.consent for each in unagreed)}",
            ExitCode.CONSENT_NEEDED,
        )
