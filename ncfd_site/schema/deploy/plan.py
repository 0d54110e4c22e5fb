"""The locks that each step of a run takes on existing tables and views, read from its SQL.

The SQL of a step decides itself what a database needs, so that a step may take fewer locks than planned, but no others.

Durations are rows times the CPU time of the server for a row, as `python -m bench plan --full` measures it: 1,000,000
rows of `link_audit` and `studies` on 2 cores with PostgreSQL 18 and 15, data in memory, no parallel workers. A disk
that must be read, and old transactions that a concurrent build waits for, add to it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ncfd_site.core.formatting import format_quantity
from ncfd_site.schema import source
from ncfd_site.schema.catalog import Catalog
from ncfd_site.schema.deploy import expected, rewrites
from ncfd_site.schema.deploy.compare import index_table
from ncfd_site.schema.deploy.diagnose import Diagnosis
from ncfd_site.schema.deploy.losses import Loss
from ncfd_site.schema.deploy.revisions import Revision
from ncfd_site.schema.deploy.session import Connection

# From weak to strong.
MODES = ("ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "ACCESS EXCLUSIVE")
_ROW, _ONLINE, _SHARE, _SHARE_ROW, _EXCLUSIVE = MODES
_BLOCKS = {_SHARE: "writes", _SHARE_ROW: "writes", _EXCLUSIVE: "reads and writes"}

# Seconds of CPU time for a row, by words of the statement: the first that it has counts.
SECONDS_PER_ROW = {"USING gin": 18e-6, "INDEX": 1.4e-6, "VALIDATE": 0.2e-6}

_NAME = r"(?:IF EXISTS |IF NOT EXISTS |ONLY )*(?:public\.)?(\w+)"
_LOCKS = [
    (re.compile(pattern, re.IGNORECASE), mode)
    for pattern, mode in (
        (rf"\bALTER TABLE {_NAME} (?:VALIDATE CONSTRAINT|SET \()", _ONLINE),
        (rf"\bALTER TABLE {_NAME} (?!VALIDATE CONSTRAINT|SET \()", _EXCLUSIVE),
        (rf"\bCREATE (?:UNIQUE )?INDEX CONCURRENTLY [^;]*?\bON {_NAME}(?: USING gin)?", _ONLINE),
        (rf"\bCREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY)[^;]*?\bON {_NAME}(?: USING gin)?", _SHARE),
        (rf"\bCREATE (?:OR REPLACE )?(?:CONSTRAINT )?TRIGGER [^;]*?\bON {_NAME}", _SHARE_ROW),
        (rf"\bDROP TRIGGER (?:IF EXISTS )?\w+ ON {_NAME}", _EXCLUSIVE),
        (rf"\bREFERENCES {_NAME}", _SHARE_ROW),
        (rf"\b(?:CREATE OR REPLACE|DROP) (?:TABLE|VIEW|MATERIALIZED VIEW) {_NAME}", _EXCLUSIVE),
        (r"\bensure_constraint\('(\w+)'", _EXCLUSIVE),
        (r"\breplace_(?:materialized_)?view\('(\w+)'", _EXCLUSIVE),
        (r"\b(?:add_comment|mark_created)\('(?:TABLE|COLUMN|VIEW)', '(\w+)", _ONLINE),
        (rf"\bCOMMENT ON (?:TABLE|COLUMN|VIEW) {_NAME}", _ONLINE),
        (rf"\b(?:INSERT INTO|DELETE FROM) {_NAME}", _ROW),
        (rf"\bUPDATE {_NAME} SET\b", _ROW),
    )
]
_TARGET = re.compile(r"\bREFERENCES (?:public\.)?(\w+)")
_ROUTINE = re.compile(r"CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE)\b", re.IGNORECASE)


@dataclass(frozen=True)
class TablePlan:
    """A lock of a step on a table or view, and the estimated duration of its work there."""

    table: str
    lock: str
    rows: int
    is_rewritten: bool
    seconds: float

    def __str__(self) -> str:
        duration = "less than a second" if self.seconds < 1 else f"about {self.seconds:,.0f} s"
        blocked = f"blocks {_BLOCKS[self.lock]}" if self.lock in _BLOCKS else "blocks no reads or writes"
        rewritten = ", rewritten" if self.is_rewritten else ""
        return f"{self.table} ({format_quantity(self.rows, 'row')}): {self.lock} lock, {blocked}{rewritten}; {duration}"


@dataclass(frozen=True)
class StepPlan:
    """A step of a run, with its locks on relations that exist now, the longest and strongest first."""

    direction: str
    revision: Revision
    tables: tuple[TablePlan, ...]
    loss: Loss | None

    def as_json(self) -> dict[str, Any]:
        """Return the object in `--plan --json`; its keys are a public contract."""
        return {
            "revision": self.revision.id,
            "direction": self.direction,
            "summary": self.revision.summary,
            "tables": [asdict(each) for each in self.tables],
            "destroys": self.loss.rows if self.loss else {},
        }


def plan_steps(
    connection: Connection, diagnosis: Diagnosis, steps: Sequence[tuple[str, Revision]], losses: Sequence[Loss]
) -> Iterator[StepPlan]:
    """Yield the plan of each step, with its loss."""
    found = diagnosis.catalog or {}
    catalogs = expected.read_catalogs([revision.id for _, revision in steps])
    rewritten: set[str] = set()
    for direction, revision in steps:
        tables = []
        # A later step finds the table rewritten.
        reasons = rewrites.find_reasons(found, catalogs[revision.id]).keys() - rewritten if direction == "up" else set()
        for table, (mode, per_row) in find_locks(revision, direction, found).items():
            rows, size = rewrites.read_size(connection, table) if found["relation", table] == "table" else (0, 0)
            seconds = rows * per_row
            if is_rewritten := table in reasons and mode == _EXCLUSIVE:
                rewritten.add(table)
                seconds += rewrites.Rewrite(table, "", rows, size).seconds
            tables.append(TablePlan(table, mode, rows, is_rewritten, round(seconds, 1)))
        tables.sort(key=lambda each: (not each.is_rewritten, -each.seconds, -MODES.index(each.lock), each.table))
        loss = next((each for each in losses if each.revision == revision.id), None)
        yield StepPlan(direction, revision, tuple(tables), loss)


def find_locks(revision: Revision, direction: str, found: Catalog) -> dict[str, tuple[str, float]]:
    """Return the strongest lock of a step on each relation of a catalog, and the seconds that it takes for a row."""
    sql = source.read_sql(revision.path, "up" if direction == "up" else "down")
    statements = list(source.split_statements(sql))
    # The body of a routine runs when it is called.
    text = ";\n".join(line for each in statements if not _ROUTINE.match(line := source.strip_comments(each)))
    locks: dict[str, tuple[str, float]] = {}

    def add(table: str, mode: str, per_row: float = 0.0) -> None:
        if ("relation", table) in found:
            strongest, others = locks.get(table, (_ROW, 0.0))
            locks[table] = max(strongest, mode, key=MODES.index), others + per_row

    for pattern, mode in _LOCKS:
        for match in pattern.finditer(text):
            add(match[1], mode, next((each for words, each in SECONDS_PER_ROW.items() if words in match[0]), 0.0))
    for table in _find_indirect_locks(text, found):
        add(table, _EXCLUSIVE)
    return locks


def _find_indirect_locks(text: str, found: Catalog) -> Iterator[str]:
    """Yield tables that statements lock without naming them after a keyword."""
    if "refuse_loss" in text:
        yield from re.findall(r'"(\w+)":\s*"', text)
    for index in re.findall(rf"\bDROP INDEX {_NAME}", text):
        yield index_table(found.get(("index", index), ""))
    changed = {
        name for names in re.findall(r"\bDROP TABLE (?:IF EXISTS )?([\w, ]+)", text) for name in names.split(", ")
    }
    if re.search(r"'ALTER TABLE %[Is]", text):
        for names in re.findall(r"\bARRAY\[([^]]*)\]", text):
            changed |= set(re.findall(r"'(\w+)'", names))
    yield from changed
    # A foreign key has triggers on the table that it references.
    for (kind, name), definition in found.items():
        if kind == "constraint" and name.partition(".")[0] in changed and (key := _TARGET.search(definition)):
            yield key[1]
