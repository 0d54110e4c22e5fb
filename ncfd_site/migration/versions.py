"""The version table of a database, and the revisions that this code has."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.ddl.postgresql import PostgresqlImpl
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, String, Table, text

SCHEMA_FOLDER = Path(__file__).parent.parent / "schema"
TABLE = "alembic_version"
WIDTH = 255

# Ids that live databases hold although no file ever had them: the names of three files, and what each one meant.
MISNAMED = {
    "20250122_add_storage_reference_counting": "20250122_add_storage_refcounting",
    "20250123_add_p_value_generated_column": "20250123_add_p_value_column",
    "20250124_create_signals_gates_scores_tables": "20250124_signals_gates_scores",
}


class WideVersionTable(PostgresqlImpl):
    """Makes a new version table wide enough for our ids; Alembic's own column ends at 32 characters.

    Defining the class is what registers it, in place of Alembic's own for PostgreSQL.
    """

    __dialect__ = "postgresql"

    def version_table_impl(self, **options: Any) -> Table:
        table = super().version_table_impl(**options)
        table.c.version_num.type = String(WIDTH)
        return table


@dataclass(frozen=True)
class VersionTable:
    """What the version table of a database holds; `width` is None where there is no table or no limit."""

    exists: bool
    rows: tuple[str, ...]
    width: int | None


def config() -> Config:
    """Alembic's configuration, without an ini file."""
    options = Config()
    options.set_main_option("script_location", str(SCHEMA_FOLDER).replace("%", "%%"))
    return options


def scripts() -> ScriptDirectory:
    """The revisions that this code has."""
    return ScriptDirectory(str(SCHEMA_FOLDER))


def revisions() -> list[Script]:
    """The revisions in the order in which they are applied."""
    return list(reversed(list(scripts().walk_revisions())))


def head() -> str:
    """The id of the newest revision of this code."""
    only = scripts().get_current_head()
    if only is None:
        raise LookupError(f"{SCHEMA_FOLDER} holds no revision")
    return only


def read(connection: Connection) -> VersionTable:
    """Read the version table, and leave no transaction open."""
    width = connection.execute(
        text(
            "SELECT nullif(a.atttypmod, -1) - 4 FROM pg_attribute a"
            " WHERE a.attrelid = to_regclass('public.alembic_version')"
            " AND a.attname = 'version_num' AND NOT a.attisdropped"
        )
    ).one_or_none()
    rows: tuple[str, ...] = ()
    if width is not None:
        rows = tuple(connection.scalars(text("SELECT version_num FROM public.alembic_version ORDER BY 1")))
    connection.commit()
    return VersionTable(exists=width is not None, rows=rows, width=width[0] if width else None)


def widen(connection: Connection) -> bool:
    """Widen a version column that is too short for our ids; tell whether there was one. Rewrites nothing."""
    table = read(connection)
    if table.width is None or table.width >= WIDTH:
        return False
    connection.execute(text(f"ALTER TABLE public.{TABLE} ALTER COLUMN version_num TYPE varchar({WIDTH})"))
    # Before Alembic is configured: what is begun by then, Alembic would take for somebody else's and never commit.
    connection.commit()
    return True
