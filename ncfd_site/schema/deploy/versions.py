"""The version table of a database."""

from dataclasses import dataclass

from ncfd_site.schema.deploy.session import Connection

# Alembic's own column ends at 32 characters, and ids of ours are longer.
WIDTH = 255


# One statement, so that the table is at no moment empty: a row that is there becomes the version, the others go.
_WRITE = """
    WITH kept AS (
        SELECT coalesce(max(version_num) FILTER (WHERE version_num = %(version)s), min(version_num)) AS version_num
        FROM public.alembic_version
    ),
    gone AS (DELETE FROM public.alembic_version WHERE version_num <> (SELECT version_num FROM kept))
    UPDATE public.alembic_version SET version_num = %(version)s WHERE version_num = (SELECT version_num FROM kept)
"""
_WIDEN = f"ALTER TABLE public.alembic_version ALTER COLUMN version_num TYPE varchar({WIDTH})"
_MAKE = """
    CREATE TABLE IF NOT EXISTS public.alembic_version (
        version_num varchar({width}) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
    )
"""
_FILL = "INSERT INTO public.alembic_version SELECT %(version)s WHERE NOT EXISTS (SELECT FROM public.alembic_version)"


@dataclass(frozen=True)
class VersionTable:
    """What the version table of a database holds; `width` is None where there is no table or no limit."""

    exists: bool
    rows: tuple[str, ...]
    width: int | None


def read(connection: Connection) -> VersionTable:
    """Read the version table."""
    width = connection.execute(
        "SELECT nullif(a.atttypmod, -1) - 4 FROM pg_attribute a"
        " WHERE a.attrelid = to_regclass('public.alembic_version')"
        " AND a.attname = 'version_num' AND NOT a.attisdropped"
    ).fetchone()
    if width is None:
        return VersionTable(exists=False, rows=(), width=None)
    rows = connection.execute("SELECT version_num FROM public.alembic_version ORDER BY 1").fetchall()
    return VersionTable(exists=True, rows=tuple(str(row[0]) for row in rows), width=width[0])


def widen(connection: Connection) -> bool:
    """Widen a version column that is too short for our ids; tell whether there was one. Rewrites nothing.

    Done and committed before Alembic is configured: what is begun by then, Alembic would take for somebody else's
    transaction and never commit.
    """
    table = read(connection)
    if table.width is None or table.width >= WIDTH:
        return False
    connection.execute(_WIDEN)
    return True


def write(connection: Connection, version: str) -> None:
    """Make `version` the only row of the version table, in the transaction that is under way.

    Where there is no table, or no row in it, both come to be in that transaction.
    """
    for statement in statements_to_write():
        connection.execute(statement, {"version": version})


def statements_to_write() -> list[str]:
    """The statements of `write`, with the version as a parameter."""
    return [_MAKE.format(width=WIDTH), _WIDEN, _WRITE, _FILL]
