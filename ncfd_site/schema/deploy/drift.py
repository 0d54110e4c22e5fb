"""What of a live schema differs from its revision, both ways, in words that a person can act on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from ncfd_site.schema import catalog
from ncfd_site.schema.catalog import Catalog
from ncfd_site.schema.deploy import compare, expected, shadow
from ncfd_site.schema.deploy.compare import Finding
from ncfd_site.schema.deploy.session import Connection


@dataclass
class Drift:
    """What differs; `old_bodies` is told and no drift, `partial` says why only kept definitions were compared with."""

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

    Where no scratch database can be made, against what is kept with the revisions.
    """
    found = catalog.read_definitions(connection)
    try:
        return compare_with(found, revision, shadow.catalogs(server, [revision])[revision], exclude)
    except shadow.NoShadow as reason:
        return compare_with(found, revision, expected.expected_catalog(revision), exclude, partial=str(reason))


def compare_with(
    found: Catalog, revision: str, wanted: Catalog, exclude: Sequence[str] = (), *, partial: str = ""
) -> Drift:
    """Hold what a database holds against what its revision makes; `partial` is why not in the server's own words."""
    result = Drift(revision, len(wanted), partial=partial)
    for finding in compare.findings(found, wanted, exact=not partial):
        if any(fnmatchcase(finding.name, pattern) for pattern in exclude):
            continue
        is_there = finding.found is not None and finding.expected is not None
        if is_there and compare.bodies_are_replaced_after(revision) and compare.is_body(finding, found, wanted):
            result.old_bodies.append(f"{finding.kind} {finding.name}")
        else:
            result.findings.append(finding)
    return result
