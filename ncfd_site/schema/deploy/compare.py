"""Differences between two catalogs.

Ignored are generated names, the order of columns, and the view that adapts to the additional columns of some live
databases.
"""

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Sized
from dataclasses import dataclass

from ncfd_site.core.formatting import format_quantity
from ncfd_site.schema.catalog import Catalog, Key
from ncfd_site.schema.deploy import revisions

# The revision that replaces all outdated definitions.
REPLACING_REVISION = "20250125_replace_faulty_routines"

# Kinds with names that the server generates: these are also matched by their definitions.
_NAMED_BY_THE_SERVER = {"constraint", "index", "sequence"}

# Additional columns of `securities` in some live databases, and the view that includes them.
_ADAPTIVE_COLUMNS = {("column", f"securities.{name}") for name in ("issuer_name", "exchange", "active")}
_ADAPTIVE_VIEW = "v_company_tickers"

# Kinds whose definition is a text of several lines.
_TEXTS = ("function", "view")

_VIEWS = {"view", "materialized view"}


# Options of a function, in the lines before its body.
_OPTIONS = re.compile(
    r"^ SET .*\n| (?:SECURITY DEFINER|LEAKPROOF|COST \S+|ROWS \S+|PARALLEL \w+|SUPPORT \S+)(?=[ \n])", re.MULTILINE
)


@dataclass(frozen=True)
class Finding:
    """An object that differs: extra if `expected` is None, missing if `found` is None."""

    kind: str
    name: str
    expected: str | None
    found: str | None

    @property
    def key(self) -> Key:
        """The key in a catalog."""
        return self.kind, self.name

    @property
    def relation(self) -> str:
        """The table or view that it is or belongs to; else its own name."""
        if self.kind == "trigger":
            return self.name.rpartition(" on ")[2]
        if self.kind == "sequence":
            return (self.expected or self.found or "").partition(" OWNED BY ")[2].partition(".")[0]
        if self.kind == "index":
            return index_table(self.expected or self.found or "")
        return self.name.partition(".")[0]

    @property
    def is_unfinished(self) -> bool:
        """True for an invalid index, which is dropped and rebuilt, and a constraint that is only not validated."""
        if self.expected is None or self.found is None:
            return False
        validated = normalize_definition(self.found.removesuffix(" NOT VALID"))
        return self.is_invalid_index or (
            self.found.endswith(" NOT VALID") and validated == normalize_definition(self.expected)
        )

    @property
    def is_invalid_index(self) -> bool:
        """True for an index that a stopped build left; no query uses it."""
        return self.kind == "index" and (self.found or "").endswith(" INVALID")

    @property
    def is_unbuilt(self) -> bool:
        """True if a run can add or finish it."""
        return self.found is None or self.is_unfinished

    @property
    def is_user_setting(self) -> bool:
        """True if a user set options of a function, or row security of a table: a run keeps these."""
        if self.expected is None or self.found is None:
            return False
        if self.kind == "relation":
            return self.found == f"{self.expected} ROW SECURITY"
        (ours, expected), (theirs, found) = _split_options(self.expected), _split_options(self.found)
        return self.kind == "function" and expected == found and ours <= theirs

    @property
    def description(self) -> str:
        """The difference, with the statement that adds a missing object; without the text of a routine or view."""
        change = "missing" if self.found is None else "extra" if self.expected is None else "differs"
        text = f"{change}: {self.kind} {self.name}"
        if self.kind in _TEXTS:
            return text
        if self.found is None:
            return f"{text}: {self.statement or self.expected}"
        if self.expected is None:
            return f"{text}: {self.found}"
        return f"{text} is {self.found}, expected {self.expected}"

    @property
    def diff(self) -> list[str]:
        """The lines of a unified diff from the expected text of a routine or view to the found one."""
        if self.kind not in _TEXTS or self.found is None or self.expected is None:
            return []
        expected, found = self.expected.splitlines(), self.found.splitlines()
        return list(difflib.unified_diff(expected, found, "expected", "found", lineterm=""))

    @property
    def statement(self) -> str:
        """The statement that adds a missing object; empty if its definition is none."""
        if self.kind == "constraint":
            table, _, constraint = self.name.partition(".")
            return f"ALTER TABLE {table} ADD CONSTRAINT {constraint} {self.expected};"
        return f"{self.expected};" if self.kind in ("index", "trigger", "function") else ""


def _split_options(definition: str) -> tuple[set[str], str]:
    """Return the options of a function, and its definition without them."""
    head, mark, body = definition.partition("\nAS ")
    head += "\n"
    rest = _OPTIONS.sub("", head).replace("\n\n", "\n")
    return set(_OPTIONS.findall(head)), rest + mark + body


def find_differences(found: Catalog, wanted: Catalog) -> list[Finding]:
    """Return the differences, missing and extra; `spelling` gives `found` the texts of `wanted` first."""
    odd = {key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key)}
    odd -= _find_renamed(found, wanted, odd) | _adapted(found)
    return [Finding(kind, name, wanted.get((kind, name)), found.get((kind, name))) for kind, name in sorted(odd)]


def normalize_definition(definition: str) -> str:
    """Return a definition without casts, parentheses, white space and table prefixes.

    Server versions differ in these.
    """
    return re.sub(r"::[a-z ]+(\(\d+\))?(\[\])?|\b[a-z_]+\.(?=[a-z_\"])|[()\s]", "", definition)


def omit_parts(find_differences: Iterable[Finding]) -> list[Finding]:
    """Return the findings without the parts of tables and views that are missing or extra themselves."""
    every = list(find_differences)
    whole = {
        (each.name, each.found is None)
        for each in every
        if each.kind == "relation" and (each.found is None or each.expected is None)
    }
    return [each for each in every if each.kind == "relation" or (each.relation, each.found is None) not in whole]


def count_differences(findings: Sized) -> str:
    """Return how many objects differ, as a clause."""
    return f"{format_quantity(len(findings), 'object')} {'differs' if len(findings) == 1 else 'differ'}"


def is_replaceable(finding: Finding, found: Catalog, wanted: Catalog) -> bool:
    """Return True for a routine, a trigger, a view and its columns, and a generated column: revisions replace these.

    A materialized view is replaced only if its columns are those of the revision.
    """
    if finding.kind in ("function", "trigger"):
        return True
    if finding.kind == "column" and "GENERATED" in (finding.expected or ""):
        return "GENERATED" in (finding.found or "")
    kinds = {found.get(("relation", finding.relation)), wanted.get(("relation", finding.relation))}
    if finding.kind not in ("relation", "view", "column") or not kinds <= {*_VIEWS, None}:
        return False
    return "materialized view" not in kinds or finding.kind != "column"


def is_view_column(finding: Finding, wanted: Catalog) -> bool:
    """Return True for a column of a view of the revision."""
    return finding.kind == "column" and wanted.get(("relation", finding.relation)) in _VIEWS


def has_pending_replacement(revision: str) -> bool:
    """Return True if the revision that replaces outdated definitions follows this one."""
    order = revisions.ids()
    return order.index(revision) < order.index(REPLACING_REVISION)


def index_table(definition: str) -> str:
    """Return the table of an index from its definition."""
    after = definition.partition(" ON ")[2].removeprefix("ONLY ").removeprefix("public.")
    return after.partition(" ")[0]


def _find_renamed(found: Catalog, wanted: Catalog, odd: set[Key]) -> set[Key]:
    """Return the keys of missing and extra objects that differ in their names only."""
    missing: dict[tuple[str, str, str], list[Key]] = defaultdict(list)
    for key in sorted(odd):
        if key[0] in _NAMED_BY_THE_SERVER and key not in found:
            missing[key[0], _get_table_of_constraint(key), _drop_index_name(key, wanted[key])].append(key)
    pairs: set[Key] = set()
    for key in sorted(odd):
        if key[0] in _NAMED_BY_THE_SERVER and key not in wanted:
            twins = missing.get((key[0], _get_table_of_constraint(key), _drop_index_name(key, found[key])))
            if twins:
                pairs |= {key, twins.pop(0)}
    return pairs


def _adapted(found: Catalog) -> set[Key]:
    """Return the keys that may differ because of the additional columns of `securities`."""
    present = _ADAPTIVE_COLUMNS & found.keys()
    if not present:
        return set()
    columns = {("column", f"{_ADAPTIVE_VIEW}.{name.partition('.')[2]}") for _, name in present}
    return present | columns | {("view", _ADAPTIVE_VIEW)}


def _get_table_of_constraint(key: Key) -> str:
    return key[1].partition(".")[0] if key[0] == "constraint" else ""


def _drop_index_name(key: Key, definition: str) -> str:
    return normalize_definition(definition.replace(f" {key[1]} ", " ") if key[0] == "index" else definition)
