"""The files of a new revision, which `alembic revision -m "add something"` writes as YYYYMMDD_add_something."""

import io
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import context
from alembic.script import write_hooks
from alembic.util import CommandError

_UP = """\
-- {summary}.
--
-- Each statement can run over its own result: CREATE … IF NOT EXISTS, ADD COLUMN IF NOT EXISTS, DROP … IF EXISTS.
-- Statements that wait for a lock come first, rewrites of a table last. These run online, after the transaction:
-- CREATE INDEX CONCURRENTLY IF NOT EXISTS, and ALTER TABLE … VALIDATE CONSTRAINT of a constraint added NOT VALID.
-- Functions and views are in ../routines/NAME.1.sql, included with a line that starts with \\ir. docs/revisions.md
-- has an example.
"""
_DOWN = """\
-- Drops only what this revision created. Where rows would be lost, first:
-- SELECT pg_temp.refuse_loss('{{"TABLE": "CONDITION OF THE ROWS"}}');
"""


def write() -> None:
    """Write the revision that Alembic's command asks for. Needs no database."""
    context.configure(
        dialect_name="postgresql",
        # No connection; the SQL that Alembic prints offline is of no use here.
        as_sql=True,
        output_buffer=io.StringIO(),
        process_revision_directives=_name_revision,
    )
    context.run_migrations()


def _name_revision(_: Any, __: Any, directives: list[Any]) -> None:
    (script,) = directives
    words = re.findall(r"[a-z0-9]+", (script.message or "").lower())
    if not words:
        raise CommandError('Name the change: alembic revision -m "add something"')
    if not (context.config.cmd_opts and context.config.cmd_opts.rev_id):
        script.rev_id = f"{datetime.now(UTC):%Y%m%d}_{'_'.join(words)}"


@write_hooks.register("sql_files")
def _write_sql_files(filename: str, _: Mapping[str, Any]) -> None:
    path = Path(filename)
    # The first line is the docstring.
    summary = path.read_text(encoding="utf-8").partition("\n")[0].strip('".')
    for direction, content in (("up", _UP), ("down", _DOWN)):
        path.with_suffix(f".{direction}.sql").write_text(content.format(summary=summary), encoding="utf-8")
