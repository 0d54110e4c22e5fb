"""Runs the SQL that lies beside a revision.

A revision `NAME.py` has its SQL in `NAME.up.sql` and `NAME.down.sql`. A line `\\ir PATH` stands for the text of another
file, as in psql: bodies of functions and views that several revisions bring are written once, under `bodies/`.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from alembic import context, op
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

BODIES = Path(__file__).parent / "bodies"

# What a semicolon does not end a statement in: strings, quoted names, dollar-quoted bodies, comments.
_TOKEN = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | (?P<dollar>\$\w*\$).*?(?P=dollar) | --[^\n]* | /\*.*?\*/ | ;""",
    re.VERBOSE | re.DOTALL,
)
_INCLUDE = re.compile(r"^\\ir (?P<path>\S+)[ \t]*$", re.MULTILINE)


class RevisionFailed(Exception):
    """A statement of a revision failed; the transaction of the revision is lost."""

    def __init__(
        self, file: str, revision: str, direction: Literal["up", "down"], statement: str, cause: DBAPIError
    ) -> None:
        super().__init__(f"{revision} ({direction}): {cause.orig}")
        diagnosis = getattr(cause.orig, "diag", None)
        self.file = file
        self.revision = revision
        self.direction = direction
        self.statement = _excerpt(statement)
        self.sqlstate: str | None = getattr(cause.orig, "sqlstate", None)
        self.message = (diagnosis and diagnosis.message_primary) or str(cause.orig).strip()
        self.hint = (diagnosis and diagnosis.message_hint) or ""


def source(revision_file: str | Path, direction: Literal["up", "down"]) -> str:
    """Return the SQL of a revision with its includes in place."""
    return _read(Path(revision_file).with_suffix(f".{direction}.sql"))


def statements(script: str) -> Iterator[str]:
    """Yield the statements of a script without their semicolons, each with the comments that precede it."""
    start = 0
    for token in _TOKEN.finditer(script):
        if token.group() == ";":
            yield from _unless_blank(script[start : token.start()])
            start = token.end()
    yield from _unless_blank(script[start:])


def run(revision_file: str, revision: str, direction: Literal["up", "down"]) -> None:
    """Run the SQL of a revision in the migration that is under way, or print it where Alembic is offline."""
    allowed = context.config.attributes.get("allow_destructive", ())
    settings = (
        f"SELECT set_config('ncfd.revision', '{revision}', true), "
        f"set_config('ncfd.allow_destructive', '{','.join(allowed)}', true), "
        # Names without a schema are those of public, whatever the session or the role has set.
        "set_config('search_path', 'public', true)"
    )
    for statement in (
        settings,
        *statements(_read(BODIES / "prelude.sql")),
        *statements(source(revision_file, direction)),
    ):
        # Alembic makes text() of what it runs, where a colon begins a parameter.
        try:
            op.execute(text(statement.replace(":", r"\:")))
        except DBAPIError as error:
            raise RevisionFailed(revision_file, revision, direction, statement, error) from error


def _read(path: Path) -> str:
    return _INCLUDE.sub(lambda found: _read(path.parent / found["path"]).rstrip(), path.read_text(encoding="utf-8"))


def _excerpt(statement: str, longest: int = 300) -> str:
    """The statement on one line, without its comments, for a message."""
    line = " ".join(re.sub(r"--[^\n]*", "", statement).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _unless_blank(statement: str) -> Iterator[str]:
    if re.sub(r"--[^\n]*|/\*.*?\*/", "", statement, flags=re.DOTALL).strip():
        yield statement.strip()
