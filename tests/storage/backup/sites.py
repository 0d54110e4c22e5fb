"""Commands of a site in child processes, on its own database, with its own content and backups."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from psycopg.conninfo import make_conninfo

from tests import databases
from tests.config.commands import production

Keywords = Mapping[str, Any]


@dataclass(frozen=True)
class Done:
    """Exit code, output and errors of a command."""

    code: int
    output: str
    errors: str


@dataclass(frozen=True)
class Site:
    """A database, the folder of its content, a place for backups, and more environment variables."""

    database: Keywords
    content: Path
    backups: str
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return make_conninfo(**self.database)

    def environment(self) -> dict[str, str]:
        own = {"CONTENT_ROOT": str(self.content), "BACKUP_TO": self.backups, "PYTHONWARNINGS": "error"}
        return {**os.environ, **production(self.url), **own, **self.variables}

    def start(self, *command: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*prefix, sys.executable, *(command if command[0] == "-m" else ("manage.py", *command))],
            cwd=settings.BASE_DIR,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str, prefix: tuple[str, ...] = ()) -> Done:
        process = self.start(*command, prefix=prefix)
        output, errors = process.communicate(timeout=300)
        assert "Traceback" not in errors, errors
        return Done(process.returncode, output, errors)

    def ok(self, *command: str) -> str:
        """Run a command that succeeds; return its output."""
        done = self.run(*command)
        assert done.code == 0, done
        return done.output

    def with_variables(self, **variables: str) -> "Site":
        return replace(self, variables={**self.variables, **variables})

    def list_backups(self) -> dict[str, list[str]]:
        """Return the files of each backup in the folder."""
        folder = Path(self.backups) / "backups"
        return {path.name: sorted(file.name for file in path.iterdir()) for path in sorted(folder.glob("*"))}

    def list_content(self) -> set[str]:
        """Return the paths of content files in the folder of backups."""
        return {str(path.relative_to(self.backups)) for path in Path(self.backups).glob("content/*/*")}

    @contextmanager
    def restored(self) -> Iterator["Site"]:
        """Name a site for a restore: a database that does not exist, with no content."""
        target = {**self.database, "dbname": f"{self.database['dbname']}_restored"}
        try:
            yield replace(self, database=target, content=self.content.with_name("restored"))
        finally:
            databases.execute(self.database, "DROP DATABASE IF EXISTS {} WITH (FORCE)", target["dbname"])

    def execute(self, statement: str, *parameters: Any) -> list[Any]:
        with psycopg.connect(**self.database) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []


def read_rows(site: Site) -> dict[str, list[Any]]:
    """Return the rows of each table as text; without the log of migrations, where each verification has an entry."""
    tables = site.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
    )
    names = {name for (name,) in tables} - {"alembic_migration_log"}
    return {name: site.execute(f"SELECT t::text FROM {name} t ORDER BY 1") for name in names}


def read_content(site: Site) -> dict[str, bytes]:
    """Return the bytes of each file below the content root, without unfinished uploads."""
    files = [path for path in site.content.rglob("*") if path.is_file()]
    return {str(path.relative_to(site.content)): path.read_bytes() for path in files}
