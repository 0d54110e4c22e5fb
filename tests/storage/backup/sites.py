"""A site with backups: its commands in this process or in children, its rows and its bytes."""

import io
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
from django.core.management import CommandError, call_command
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ncfd_site.core.progress import NullReporter, ProgressReporter
from storage.backup import restore as restoring
from storage.backup.files import BackupFiles, open_backups
from storage.backup.services import BackupResult, take_backup
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

    def with_url(self, url: str) -> "Site":
        """Return a site with the database of a URL."""
        return replace(self, database=conninfo_to_dict(url))

    def start(self, *command: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        """Start a command, or a module after `-m`, in a child process."""
        own = {"CONTENT_ROOT": str(self.content), "BACKUP_TO": self.backups, "PYTHONWARNINGS": "error"}
        return subprocess.Popen(
            [*prefix, sys.executable, *(command if command[0] == "-m" else ("manage.py", *command))],
            cwd=settings.BASE_DIR,
            env={**os.environ, **production(self.url), **own, **self.variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str, prefix: tuple[str, ...] = ()) -> Done:
        process = self.start(*command, prefix=prefix)
        output, errors = process.communicate(timeout=300)
        assert "Traceback" not in errors, errors
        return Done(process.returncode, output, errors)

    def files(self) -> BackupFiles:
        return open_backups(self.backups)

    def back_up(self, reporter: ProgressReporter | None = None, keep: int | None = None) -> BackupResult:
        """Take a backup in this process."""
        return take_backup(self.database, self.files(), reporter or NullReporter("olga"), keep=keep)

    def restore(self, target: "Site", **options: Any) -> None:
        """Verify and restore the newest backup in this process, without the verification afterwards."""
        reporter, files = NullReporter("olga"), self.files()
        manifest = restoring.find_backup(files)
        restoring.verify_backup(files, manifest, reporter)
        given = {"content": str(target.content), **options}
        restoring.restore(files, manifest, restoring.RestoreOptions(into=target.database, **given), reporter)

    def list_backups(self) -> dict[str, list[str]]:
        """Return the files of each backup in the folder."""
        folder = Path(self.backups) / "backups"
        return {path.name: sorted(file.name for file in path.iterdir()) for path in sorted(folder.glob("*"))}

    def list_content(self) -> set[str]:
        """Return the paths of the content in the folder of backups."""
        return {str(path.relative_to(self.backups)) for path in Path(self.backups).glob("content/*/*")}

    @contextmanager
    def target(self) -> Iterator["Site"]:
        """Name a site for a restore: a database that does not exist, and no content."""
        database = {**self.database, "dbname": f"{self.database['dbname']}_restored"}
        try:
            yield replace(self, database=database, content=self.content.with_name("restored"))
        finally:
            databases.execute(self.database, "DROP DATABASE IF EXISTS {} WITH (FORCE)", database["dbname"])

    def exists(self) -> bool:
        with psycopg.connect(**{**self.database, "dbname": "postgres"}) as server:
            query = "SELECT FROM pg_database WHERE datname = %s"
            return server.execute(query, [self.database["dbname"]]).rowcount > 0

    def execute(self, statement: str, *parameters: Any) -> list[Any]:
        with psycopg.connect(**self.database) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def read_rows(self) -> dict[str, list[Any]]:
        """Return all rows as text by table; without the log of migrations, where each verification has an entry."""
        tables = self.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        names = {name for (name,) in tables} - {"alembic_migration_log"}
        return {name: self.execute(f"SELECT t::text FROM {name} t ORDER BY 1") for name in names}

    def read_content(self) -> dict[str, bytes]:
        """Return the bytes of each file below the content root."""
        files = [path for path in self.content.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.content)): path.read_bytes() for path in files}


def manage(*command: str) -> Done:
    """Run a command in this process, with the settings of the test."""
    output, code, errors = io.StringIO(), 0, ""
    try:
        call_command(*command, stdout=output)
    except CommandError as error:
        code, errors = error.returncode, str(error)
    return Done(code, output.getvalue(), errors)
