"""The version table of a database."""

from dataclasses import dataclass

from ncfd_site.migration.session import Connection

# Alembic's own column ends at 32 characters, and ids of ours are longer.
WIDTH = 255


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
    connection.execute(f"ALTER TABLE public.alembic_version ALTER COLUMN version_num TYPE varchar({WIDTH})")
    return True
