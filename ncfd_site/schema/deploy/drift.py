"""Drift of a database from its revision: the differences, and apart from them what changes nothing for our objects."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from ncfd_site.schema import attributes, catalog
from ncfd_site.schema.attributes import Attribute
from ncfd_site.schema.catalog import Catalog, Key
from ncfd_site.schema.deploy import compare, expected, revisions, spelling
from ncfd_site.schema.deploy.compare import Finding
from ncfd_site.schema.deploy.session import Connection

# Additions to our tables in live databases: by the pipelines' migrations, and for the pipelines' models.
KNOWN_EXTRAS: set[Key] = {
    ("constraint", "resolver_decisions.resolver_decisions_run_nct_snorm_key"),
    ("column", "trials.brief_title"),
    ("column", "trials.official_title"),
    ("column", "document_links.link_id"),
    ("column", "document_entities.entity_id"),
}

# Attributes that change neither results nor access.
_INFORMATION = {
    "comment", "replica identity", "clustering", "tablespace", "statistics", "storage", "compression"
}  # fmt: skip
# Objects outside the schema that change how statements are read.
_CHANGING = {"cast"}
# Settings of the database that switch triggers, foreign keys or row security off.
_DISABLING_SETTINGS = {"session_replication_role", "row_security"}

_KEY_COLUMNS = re.compile(r"^(?:UNIQUE|PRIMARY KEY|FOREIGN KEY) (?:NULLS NOT DISTINCT )?\(([^)]+)\)")
_UNIQUE_COLUMNS = re.compile(r"^CREATE UNIQUE INDEX .* USING btree \(([\w\", ]+)\)$")


@dataclass
class Drift:
    """Drift of a database.

    `extra` objects change nothing for those of the revision, `information` is about attributes that change neither
    behavior nor access, and `outdated` definitions are replaced: none of these is drift.
    `partial` is why the spelling of definitions was compared loosely.
    """

    revision: str
    objects: int
    findings: list[Finding] = field(default_factory=list)
    extra: list[Finding] = field(default_factory=list)
    information: list[Finding] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)
    partial: str = ""

    def __bool__(self) -> bool:
        return bool(self.findings)

    def as_json(self) -> dict[str, Any]:
        """Return the object in `--drift --json`; its keys are a public contract."""
        return {
            "revision": self.revision,
            "objects": self.objects,
            "partial": self.partial or None,
            "outdated": self.outdated,
            "drift": [_as_json(finding) for finding in self.findings],
            "extra": [_as_json(finding) for finding in self.extra],
            "information": [_as_json(finding) for finding in self.information],
        }


def _as_json(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "name": finding.name,
        "expected": finding.expected,
        "found": finding.found,
        "description": finding.description,
    }


def find_drift(
    connection: Connection, revision: str, definitions: Catalog | None, exclude: Sequence[str] = ()
) -> Drift:
    """Return the drift from a revision, without names that match `exclude`; `definitions` are read unless given."""
    wanted = expected.read_catalog(revision)
    definitions = definitions or catalog.read_definitions(connection)
    found, partial = spelling.respell_by_server(connection, definitions, [wanted])
    drift = compute_drift(found, revision, wanted, exclude, partial=partial)
    add_attributes(drift, attributes.read_attributes(connection), exclude)
    return drift


def compute_drift(
    found: Catalog, revision: str, wanted: Catalog, exclude: Sequence[str] = (), *, partial: str = ""
) -> Drift:
    """Return the drift of a catalog from the catalog of its revision."""
    drift = Drift(revision, len(wanted), partial=partial)
    for finding in compare.find_differences(found, wanted):
        if any(fnmatchcase(finding.name, pattern) for pattern in exclude):
            continue
        is_changed = finding.found is not None and finding.expected is not None
        is_ours = is_changed or compare.is_view_column(finding, wanted)
        if is_ours and compare.has_pending_replacement(revision) and compare.is_replaceable(finding, found, wanted):
            drift.outdated.append(f"{finding.kind} {finding.name}")
        elif is_harmless(finding, found, wanted):
            drift.extra.append(finding)
        else:
            drift.findings.append(finding)
    return drift


def add_attributes(drift: Drift, found: Mapping[Key, Attribute], exclude: Sequence[str] = ()) -> None:
    """Add the attributes of the revision's objects, and the objects of other kinds, that differ from the revision.

    An attribute of a later revision is out-of-band, and no drift.
    """
    order = revisions.ids()
    wanted, *later = expected.read_attributes(order[order.index(drift.revision) :]).values()
    objects = expected.read_catalog(drift.revision)
    ours = {key: each for key, each in found.items() if each.of is None or each.of in objects}
    contract = expected.read_catalog(revisions.LIVE_HEAD)
    for key in sorted(ours.keys() | wanted.keys()):
        attribute = ours.get(key)
        finding = Finding(*key, wanted.get(key), attribute.definition if attribute else None)
        if any(finding.found == each.get(key) for each in (wanted, *later)) or any(
            fnmatchcase(finding.name, pattern) for pattern in exclude
        ):
            continue
        is_information = _is_information(finding) or (
            finding.kind == "grant" and attribute and is_usual_grant(attribute.name, attribute.definition, contract)
        )
        (drift.information if is_information else drift.findings).append(finding)


def _is_information(finding: Finding) -> bool:
    if finding.kind == "setting":
        return finding.name.partition(" ")[0] not in _DISABLING_SETTINGS
    return finding.kind in _INFORMATION or (finding.found == "exists" and finding.kind not in _CHANGING)


def is_usual_grant(name: str, definition: str, contract: Catalog) -> bool:
    """Return True for what pipelines and readers need: no grant to everyone, and none that makes labels or scores."""
    target, _, grantee = name.rpartition(" to ")
    privileges = set(definition.split(", "))
    is_of_contract = any(
        (kind, target.partition(".")[0] if kind == "relation" else target.removeprefix("type ")) in contract
        for kind in ("relation", "sequence", "function", "enum")
    )
    if grantee in ("PUBLIC", "its owner"):
        is_reading = is_of_contract and privileges == {"SELECT"}
        return is_reading or (target == "database" and "CREATE" not in privileges)
    if target == "database" or target.startswith(("new ", "language ", "schema ")):
        return target.startswith("new ") or privileges <= {"USAGE", "CONNECT", "TEMPORARY"}
    return privileges <= (
        {"SELECT", "INSERT", "UPDATE", "DELETE", "USAGE", "EXECUTE"} if is_of_contract else {"SELECT"}
    )


def is_harmless(finding: Finding, found: Catalog, wanted: Catalog) -> bool:
    """Return True for an extra object that changes nothing for callers and writers of the revision's objects."""
    if finding.expected is not None or finding.found is None:
        return False
    if finding.key in KNOWN_EXTRAS:
        return True
    if finding.kind == "function":
        # Another routine of the same name makes calls ambiguous.
        name = finding.name.partition("(")[0]
        return not any(kind == "function" and other.partition("(")[0] == name for kind, other in wanted)
    if finding.kind in ("relation", "enum", "sequence") or ("relation", finding.relation) not in wanted:
        return True
    if finding.kind == "column" and not compare.is_view_column(finding, wanted):
        # Writers that do not name the column must not fail.
        return " NOT NULL" not in finding.found or not finding.found.endswith(" DEFAULT none")
    if wanted["relation", finding.relation] != "table":
        return finding.kind == "index"
    keys = _KEY_COLUMNS.match(finding.found) or _UNIQUE_COLUMNS.match(finding.found)
    if keys:
        columns = {("column", f"{finding.relation}.{name.strip()}") for name in keys[1].split(",")}
        return columns <= found.keys() - wanted.keys()
    return finding.kind == "index" and not finding.found.startswith("CREATE UNIQUE") and not finding.is_unfinished
