"""How two catalogs differ, object by object, and which differences are none.

No difference is what only the server or the past decides: names that nobody gave, casts and parentheses, the order of
columns, and the view that adapts itself to columns that some live databases have. Bodies that a later revision replaces
are told apart.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from ncfd_site.schema import catalog
from ncfd_site.schema.catalog import Catalog, Key
from ncfd_site.schema.deploy import expected, revisions
from ncfd_site.schema.deploy.session import Connection

# From this revision on a database has the right bodies; what it carried before was replaced by it.
REPLACING_REVISION = "20250125_replace_faulty_routines"

# Kinds whose names the server makes up where nobody gives one: then the definition tells what they are.
_NAMED_BY_THE_SERVER = {"constraint", "index", "sequence"}

# Columns that `securities` has in some live databases, and the view that shows them where they are there.
_ADAPTIVE_COLUMNS = {("column", f"securities.{name}") for name in ("issuer_name", "exchange", "active")}
_ADAPTIVE_VIEW = "v_company_tickers"

# What no revision makes anew once it is there: it holds rows.
_MATERIALIZED = "v_active_us_securities"


@dataclass(frozen=True)
class Finding:
    """One object that is not as its revision says: extra where `expected` is None, missing where `found` is None."""

    kind: str
    name: str
    expected: str | None
    found: str | None

    @property
    def key(self) -> Key:
        """Its place in a catalog."""
        return self.kind, self.name

    @property
    def relation(self) -> str:
        """The table or view that it is or belongs to; its own name where that is not told by it."""
        if self.kind == "trigger":
            return self.name.rpartition(" on ")[2]
        if self.kind == "sequence":
            return (self.expected or self.found or "").partition(" OWNED BY ")[2].partition(".")[0]
        if self.kind == "index":
            return index_table(self.expected or self.found or "")
        return self.name.partition(".")[0]

    @property
    def is_unfinished(self) -> bool:
        """Whether it is right but for a build or a validation that did not end."""
        return self.expected is not None and self.found in (f"{self.expected} NOT VALID", f"{self.expected} INVALID")

    @property
    def description(self) -> str:
        """What is wrong, and the statement that mends it where there is one."""
        if self.found is None:
            return f"missing: {self.kind} {self.name}: {self._statement() or self.expected}"
        if self.expected is None:
            return f"extra: {self.kind} {self.name}: {self.found}"
        return f"differs: {self.kind} {self.name} is {self.found}, and should be {self.expected}"

    def _statement(self) -> str:
        if self.kind == "constraint":
            table, _, constraint = self.name.partition(".")
            return f"ALTER TABLE {table} ADD CONSTRAINT {constraint} {self.expected};"
        return f"{self.expected};" if self.kind in ("index", "trigger") else ""


def find_differences(found: Catalog, wanted: Catalog, *, exact: bool) -> list[Finding]:
    """What differs between two catalogs, both ways; `exact` where one server wrote both."""

    def same(one: str, other: str) -> bool:
        return one == other if exact else normalize_definition(one) == normalize_definition(other)

    odd = {key for key in found.keys() | wanted.keys() if not same(found.get(key, ""), wanted.get(key, ""))}
    odd -= _renamed(found, wanted, odd) | _adapted(found)
    return [Finding(kind, name, wanted.get((kind, name)), found.get((kind, name))) for kind, name in sorted(odd)]


def normalize_definition(definition: str) -> str:
    """Return a definition without what servers of different versions spell differently.

    Removes casts, parentheses, white space, and the table before the name of a column.
    """
    return re.sub(r"::[a-z ]+(\(\d+\))?(\[\])?|\b[a-z_]+\.(?=[a-z_\"])|[()\s]", "", definition)


def omit_parts(find_differences: Iterable[Finding]) -> list[Finding]:
    """Leave out what belongs to a table or view that is missing or extra as a whole."""
    every = list(find_differences)
    whole = {
        (each.name, each.found is None)
        for each in every
        if each.kind == "relation" and (each.found is None or each.expected is None)
    }
    return [each for each in every if each.kind == "relation" or (each.relation, each.found is None) not in whole]


def is_replaceable(finding: Finding, found: Catalog, wanted: Catalog) -> bool:
    """Whether it is code that revisions replace: a routine, a trigger, a view with its columns, a generated column."""
    if finding.kind in ("function", "trigger"):
        return True
    if finding.kind == "column" and "GENERATED" in (finding.expected or ""):
        return "GENERATED" in (finding.found or "")
    if finding.relation == _MATERIALIZED:
        return False
    kinds = {made.get(("relation", finding.relation), "") for made in (found, wanted)}
    return finding.kind in ("relation", "view", "column") and "view" in kinds and "table" not in kinds


def has_pending_replacement(revision: str) -> bool:
    """Whether a revision is yet to come that brings the right bodies."""
    order = revisions.ids()
    return order.index(revision) < order.index(REPLACING_REVISION)


def index_table(definition: str) -> str:
    """The table of an index, from its definition."""
    after = definition.partition(" ON ")[2].removeprefix("ONLY ").removeprefix("public.")
    return after.partition(" ")[0]


def _renamed(found: Catalog, wanted: Catalog, odd: set[Key]) -> set[Key]:
    """Pairs of a missing and an extra object that are the same but for the name."""
    missing: dict[tuple[str, str, str], list[Key]] = defaultdict(list)
    for key in sorted(odd):
        if key[0] in _NAMED_BY_THE_SERVER and key not in found:
            missing[key[0], _owner(key), _nameless(key, wanted[key])].append(key)
    pairs: set[Key] = set()
    for key in sorted(odd):
        if key[0] in _NAMED_BY_THE_SERVER and key not in wanted:
            twins = missing.get((key[0], _owner(key), _nameless(key, found[key])))
            if twins:
                pairs |= {key, twins.pop(0)}
    return pairs


def _adapted(found: Catalog) -> set[Key]:
    """What a database with the additional columns of `securities` may have otherwise."""
    present = _ADAPTIVE_COLUMNS & found.keys()
    if not present:
        return set()
    columns = {("column", f"{_ADAPTIVE_VIEW}.{name.partition('.')[2]}") for _, name in present}
    return present | columns | {("view", _ADAPTIVE_VIEW)}


def _owner(key: Key) -> str:
    return key[1].partition(".")[0] if key[0] == "constraint" else ""


def _nameless(key: Key, definition: str) -> str:
    return definition.replace(f" {key[1]} ", " ") if key[0] == "index" else definition


@dataclass
class Drift:
    """What differs; `outdated` is told and no drift, `partial` says why only kept definitions were compared with."""

    revision: str
    objects: int
    findings: list[Finding] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)
    partial: str = ""

    def __bool__(self) -> bool:
        return bool(self.findings)

    def as_json(self) -> dict[str, Any]:
        """The contract of `--drift --json`."""
        return {
            "revision": self.revision,
            "objects": self.objects,
            "partial": self.partial or None,
            "outdated": self.outdated,
            "drift": [
                {"kind": f.kind, "name": f.name, "expected": f.expected, "found": f.found, "description": f.description}
                for f in self.findings
            ],
        }


def find_drift(connection: Connection, server: Mapping[str, Any], revision: str, exclude: Sequence[str] = ()) -> Drift:
    """Hold the database against what its revision makes on the same server; patterns in `exclude` are left out.

    Where no scratch database can be made, against what is kept with the revisions.
    """
    found = catalog.read_definitions(connection)
    try:
        return compute_drift(found, revision, expected.load_server_catalogs(server, [revision])[revision], exclude)
    except expected.ScratchDatabaseError as reason:
        return compute_drift(found, revision, expected.read_catalog(revision), exclude, partial=str(reason))


def compute_drift(
    found: Catalog, revision: str, wanted: Catalog, exclude: Sequence[str] = (), *, partial: str = ""
) -> Drift:
    """Hold what a database holds against what its revision makes; `partial` is why not in the server's own words."""
    result = Drift(revision, len(wanted), partial=partial)
    for finding in find_differences(found, wanted, exact=not partial):
        if any(fnmatchcase(finding.name, pattern) for pattern in exclude):
            continue
        is_there = finding.found is not None and finding.expected is not None
        if is_there and has_pending_replacement(revision) and is_replaceable(finding, found, wanted):
            result.outdated.append(f"{finding.kind} {finding.name}")
        else:
            result.findings.append(finding)
    return result
