"""What of a live schema differs from its revision, both ways, in words that a person can act on."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from ncfd_site.migration import catalog, line, shadow
from ncfd_site.migration.catalog import Catalog
from ncfd_site.migration.session import Connection

# From this revision on a database has the right bodies; what it carried before was replaced by it.
MENDS_BODIES = "20250125_mend_live_routines"

# Kinds whose names the server makes up where nobody gives one: then the definition tells what they are.
_NAMED_BY_THE_SERVER = {"constraint", "index", "sequence"}


@dataclass(frozen=True)
class Finding:
    """One object that is not as its revision says: extra where `expected` is None, missing where `found` is None."""

    kind: str
    name: str
    expected: str | None
    found: str | None

    @property
    def words(self) -> str:
        """What is wrong, and the statement that mends it where there is one."""
        if self.found is None:
            return f"missing: {self.kind} {self.name}: {self._statement() or self.expected}"
        if self.expected is None:
            return f"extra: {self.kind} {self.name}: {self.found}"
        return f"differs: {self.kind} {self.name} is {self.found}, and should be {self.expected}"

    def _statement(self) -> str:
        if self.kind == "index":
            return f"{self.expected};"
        if self.kind == "constraint":
            table, _, constraint = self.name.partition(".")
            return f"ALTER TABLE {table} ADD CONSTRAINT {constraint} {self.expected};"
        if self.kind == "trigger":
            return f"{self.expected};"
        return ""


@dataclass
class Drift:
    """What differs; `old_bodies` is told and no drift, `partial` says why views could not be compared."""

    revision: str
    objects: int
    findings: list[Finding] = field(default_factory=list)
    old_bodies: list[str] = field(default_factory=list)
    partial: str = ""

    def __bool__(self) -> bool:
        return bool(self.findings)

    def as_json(self) -> dict[str, Any]:
        """The contract of `--drift --json`."""
        return {
            "revision": self.revision,
            "objects": self.objects,
            "partial": self.partial or None,
            "old_bodies": self.old_bodies,
            "drift": [
                {"kind": f.kind, "name": f.name, "expected": f.expected, "found": f.found, "words": f.words}
                for f in self.findings
            ],
        }


def find(connection: Connection, server: Mapping[str, Any], revision: str, exclude: Sequence[str] = ()) -> Drift:
    """Hold the database against what its revision makes on the same server; patterns in `exclude` are left out.

    Where no scratch database can be made, against what is kept with the revisions: then views are not compared.
    """
    found = catalog.read(connection)
    partial = ""
    try:
        wanted = shadow.catalogs(server, [revision])[revision]
    except shadow.NoShadow as reason:
        wanted, partial = catalog.expected(revision), str(reason)
        found = {key: definition for key, definition in found.items() if key[0] not in catalog.OF_ONE_SERVER}
    result = compare(found, wanted, revision, exact=not partial)
    result.partial = partial
    result.findings = [f for f in result.findings if not any(fnmatchcase(f.name, pattern) for pattern in exclude)]
    return result


def compare(found: Catalog, wanted: Catalog, revision: str, *, exact: bool) -> Drift:
    """Compare two catalogs, both ways."""

    def same(one: str, other: str) -> bool:
        return one == other if exact else catalog.bare(one) == catalog.bare(other)

    result = Drift(revision, len(wanted))
    odd = {key for key in found.keys() | wanted.keys() if not same(found.get(key, ""), wanted.get(key, ""))}
    odd -= _renamed(found, wanted, odd)
    for kind, name in sorted(odd):
        finding = Finding(kind, name, wanted.get((kind, name)), found.get((kind, name)))
        if _is_old_body(finding, revision):
            result.old_bodies.append(f"{kind} {name}")
        else:
            result.findings.append(finding)
    return result


def _renamed(found: Catalog, wanted: Catalog, odd: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Pairs of a missing and an extra object that are the same but for the name."""
    missing: dict[tuple[str, str, str], list[tuple[str, str]]] = defaultdict(list)
    for key in sorted(odd):
        if key[0] in _NAMED_BY_THE_SERVER and key not in found:
            missing[key[0], _owner(key), _nameless(key, wanted[key])].append(key)
    pairs: set[tuple[str, str]] = set()
    for key in sorted(odd):
        if key[0] in _NAMED_BY_THE_SERVER and key not in wanted:
            twins = missing.get((key[0], _owner(key), _nameless(key, found[key])))
            if twins:
                pairs |= {key, twins.pop(0)}
    return pairs


def _owner(key: tuple[str, str]) -> str:
    return key[1].partition(".")[0] if key[0] == "constraint" else ""


def _nameless(key: tuple[str, str], definition: str) -> str:
    return definition.replace(f" {key[1]} ", " ") if key[0] == "index" else definition


def _is_old_body(finding: Finding, revision: str) -> bool:
    """Whether a routine, view, trigger or generated column only has a body that a later revision replaces."""
    if finding.found is None or finding.expected is None:
        return False
    order = line.ids()
    if order.index(revision) >= order.index(MENDS_BODIES):
        return False
    return finding.kind in ("function", "view", "trigger") or "GENERATED" in finding.expected
