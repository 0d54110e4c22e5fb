"""The SQL that lies beside a revision, as text.

A revision `NAME.py` has its SQL in `NAME.up.sql` and `NAME.down.sql`. A line `\\ir PATH` stands for the text of another
file, as in psql: bodies of functions and views that several revisions bring are written once, under `routines/`.
Alembic is not needed to read it.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Direction = Literal["up", "down"]


@dataclass(frozen=True)
class Step:
    """A revision on its way up or down: the path of its file, its id, the direction."""

    file: str
    revision: str
    direction: Direction


BODIES = Path(__file__).parent / "routines"

# What a semicolon does not end a statement in: strings, quoted names, dollar-quoted bodies, comments.
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


def text(revision_file: str | Path, direction: Direction) -> str:
    """Return the SQL of a revision with its includes in place."""
    return _read(Path(revision_file).with_suffix(f".{direction}.sql"))


def helpers() -> str:
    """Return the SQL of what the revisions share."""
    return _read(BODIES / "helpers.sql")


def statements(script: str) -> Iterator[str]:
    """Yield the statements of a script without their semicolons, each with the comments that precede it."""
    start = 0
    for token in _TOKEN.finditer(script):
        if token.group() == ";":
            yield from _unless_blank(script[start : token.start()])
            start = token.end()
    yield from _unless_blank(script[start:])


def is_online(statement: str) -> bool:
    """Whether a statement is one that lets others work while it runs, if it stands outside a transaction.

    Such are the concurrent build of an index, the validation of a constraint, and a procedure that commits as it goes.
    """
    return _ONLINE.match(bare(statement)) is not None


def built_index(statement: str) -> str | None:
    """The name of the index that a statement builds concurrently; None where it builds none."""
    found = _ONLINE.match(bare(statement))
    return found["index"] if found else None


def bare(statement: str) -> str:
    """A statement on one line, without its comments."""
    return " ".join(_COMMENT.sub("", statement).split())


def checksum(revision_file: str | Path, direction: Direction) -> str:
    """The SHA-256, in hex, of all that a revision runs in one direction: its file and its SQL with the includes."""
    content = Path(revision_file).read_text(encoding="utf-8") + text(revision_file, direction)
    return hashlib.sha256(content.encode()).hexdigest()


def _read(path: Path) -> str:
    return _INCLUDE.sub(lambda found: _read(path.parent / found["path"]).rstrip(), path.read_text(encoding="utf-8"))


def _unless_blank(statement: str) -> Iterator[str]:
    if _COMMENT.sub("", statement).strip():
        yield statement.strip()
