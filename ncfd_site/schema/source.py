"""The SQL of revisions, read from the files beside them.

A revision `NAME.py` has its SQL in `NAME.up.sql` and `NAME.down.sql`. A line `\\ir PATH` includes another file, as in
psql: definitions that several revisions create are in `routines/`.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Direction = Literal["up", "down"]
HELPERS = Path(__file__).parent / "routines" / "helpers.sql"


@dataclass(frozen=True)
class Step:
    """A revision and a direction; `file` is the path of the revision."""

    file: str
    revision: str
    direction: Direction


# A semicolon, or text in which a semicolon does not end a statement: string, quoted name, dollar-quoted body, comment.
_TOKEN = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | (?P<dollar>\$\w*\$).*?(?P=dollar) | --[^\n]* | /\*.*?\*/ | ;""",
    re.VERBOSE | re.DOTALL,
)
_INCLUDE = re.compile(r"^\\ir (?P<path>\S+)[ \t]*$", re.MULTILINE)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_ONLINE = re.compile(
    r"CREATE (?:UNIQUE )?INDEX CONCURRENTLY (?:IF NOT EXISTS )?(?P<index>\w+)"
    r"|ALTER TABLE \S+ VALIDATE CONSTRAINT |CALL "
)


def read_sql(revision_file: str | Path, direction: Direction) -> str:
    """Return the SQL of a revision with the included files."""
    return _read_text(Path(revision_file).with_suffix(f".{direction}.sql"))


def read_helpers() -> str:
    """Return the SQL of the functions that revisions share."""
    return _read_text(HELPERS)


def read_routine(name: str) -> str:
    """Return the SQL of a file in `routines/`."""
    return _read_text(HELPERS.with_name(f"{name}.sql"))


def split_statements(script: str) -> Iterator[str]:
    """Yield the statements of a script without semicolons, each with the comments before it."""
    start = 0
    for token in _TOKEN.finditer(script):
        if token.group() == ";":
            yield from _unless_blank(script[start : token.start()])
            start = token.end()
    yield from _unless_blank(script[start:])


def is_online(statement: str) -> bool:
    """Return whether a statement does not block other sessions if it runs outside a transaction.

    These are CREATE INDEX CONCURRENTLY, VALIDATE CONSTRAINT, and CALL of a procedure that commits.
    """
    return _ONLINE.match(strip_comments(statement)) is not None


def find_index_name(statement: str) -> str | None:
    """Return the name of the index that a statement builds concurrently, if it does."""
    found = _ONLINE.match(strip_comments(statement))
    return found["index"] if found else None


def strip_comments(statement: str) -> str:
    """Return a statement on one line, without comments."""
    return " ".join(_COMMENT.sub("", statement).split())


def compute_checksum(revision_file: str | Path, direction: Direction) -> str:
    """Return the SHA-256, in hex, of a revision's file and its SQL in one direction."""
    content = Path(revision_file).read_text(encoding="utf-8") + read_sql(revision_file, direction)
    return hashlib.sha256(content.encode()).hexdigest()


def _read_text(path: Path) -> str:
    return _INCLUDE.sub(
        lambda found: _read_text(path.parent / found["path"]).rstrip(), path.read_text(encoding="utf-8")
    )


def _unless_blank(statement: str) -> Iterator[str]:
    if _COMMENT.sub("", statement).strip():
        yield statement.strip()
