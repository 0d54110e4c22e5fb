"""Fit of a database to a revision.

A database fits if it has all objects of the revision, in the right shape or in one that the following revisions or
`repair` correct. It may have objects of later revisions. Unknown objects are left alone.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ncfd_site.schema import source
from ncfd_site.schema.catalog import Catalog
from ncfd_site.schema.deploy import compare, known_drift, revisions
from ncfd_site.schema.deploy.compare import Finding
from ncfd_site.schema.deploy.known_drift import KnownDrift

# Kinds that can be added online.
ADDED_ONLINE = ("index", "constraint")


@dataclass(frozen=True)
class Fit:
    """Comparison of a database with a revision.

    wrong        differences that neither a revision nor `repair` corrects: the database does not fit
    missing      indexes, constraints and routines that are missing or unfinished, and that are repaired
    pending      indexes and constraints of out-of-band tables that later revisions add
    known_drift  out-of-band shapes that a revision repairs
    out_of_band  names of objects of later revisions that exist already
    outdated     names of routines, views, triggers and generated columns that a revision replaces
    extra        objects of no revision
    """

    revision: str
    wrong: tuple[Finding, ...]
    missing: tuple[Finding, ...]
    pending: tuple[Finding, ...]
    known_drift: tuple[KnownDrift, ...]
    out_of_band: tuple[str, ...]
    outdated: tuple[str, ...]
    extra: tuple[Finding, ...]

    @property
    def fits(self) -> bool:
        """True if a run can start at this revision."""
        return not self.wrong

    @property
    def is_clean(self) -> bool:
        """True if only outdated definitions, objects of later revisions and unfinished objects differ."""
        return not (self.wrong or self.overdue_drift or any(not each.is_unfinished for each in self.missing))

    @property
    def has_out_of_band_changes(self) -> bool:
        """True if objects of later revisions, or known drift, exist."""
        return bool(self.out_of_band or self.pending or self.known_drift)

    @property
    def overdue_drift(self) -> tuple[KnownDrift, ...]:
        """The known drift that this revision or an earlier one should have repaired."""
        order = revisions.ids()
        return tuple(v for v in self.known_drift if order.index(v.repaired_by) <= order.index(self.revision))

    @property
    def recorded(self) -> str:
        """The revision to record, so that the revisions after it repair the known drift."""
        order = revisions.ids()
        before_repairs = [order.index(drift.repaired_by) - 1 for drift in self.known_drift]
        return order[min([order.index(self.revision), *before_repairs])]


def assess_fit(found: Catalog, catalogs: Mapping[str, Catalog], revision: str) -> Fit:
    """Compare a catalog with a revision. `catalogs` are those of this and the later revisions."""
    wanted = catalogs[revision]
    order = revisions.ids()
    later = [catalogs[each] for each in order[order.index(revision) + 1 :]]
    repaired, drift = known_drift.recognize_known_drift(found, wanted)
    wrong: list[Finding] = []
    missing: list[Finding] = []
    pending: list[Finding] = []
    out_of_band: list[str] = []
    outdated: list[str] = []
    differences = compare.find_differences(repaired, wanted)
    extra = [finding for finding in differences if finding.is_user_setting]
    replaces_definitions = compare.has_pending_replacement(revision)
    for finding in [each for each in differences if not each.is_user_setting]:
        is_outdated = replaces_definitions and compare.is_replaceable(finding, repaired, wanted)
        if finding.expected is None:
            key = finding.key
            upcoming = [(Finding(*key, catalog[key], finding.found), catalog) for catalog in later if key in catalog]
            if not upcoming and compare.is_view_column(finding, wanted):
                # The replacement of the view drops it.
                outdated.append(f"column {finding.name}") if is_outdated else wrong.append(finding)
            elif not upcoming:
                extra.append(finding)
            elif any(
                (replaces_definitions and compare.is_replaceable(each, repaired, catalog))
                or each.is_unfinished
                or _is_same(each)
                for each, catalog in upcoming
            ):
                out_of_band.append(f"{finding.kind} {finding.name}")
            else:
                wrong.append(upcoming[0][0])
        elif is_outdated and (finding.found is not None or ("relation", finding.relation) in repaired):
            outdated.append(f"{finding.kind} {finding.name}")
        elif finding.kind in ADDED_ONLINE and finding.is_unbuilt and _is_added_after(revision, finding):
            pending.append(finding)
        elif is_outdated or (finding.kind in ADDED_ONLINE and finding.is_unbuilt):
            missing.append(finding)
        elif later and finding.found is not None and later[0].get(finding.key) == finding.found:
            # The next revision was killed before it wrote its version; it can run again over its own result.
            out_of_band.append(f"{finding.kind} {finding.name}")
        else:
            wrong.append(finding)
    wrong += _find_missing_columns(repaired, wanted, later)
    return Fit(
        revision,
        tuple(wrong),
        tuple(missing),
        tuple(pending),
        drift,
        tuple(out_of_band),
        tuple(outdated),
        tuple(extra),
    )


def _is_added_after(revision: str, finding: Finding) -> bool:
    """Return True if the SQL of a later revision names the object."""
    name = finding.name.rpartition(".")[2]
    return any(name in _read_words(each.path) for _, each in revisions.steps_between(revision, revisions.head()))


@cache
def _read_words(revision_file: Path) -> frozenset[str]:
    """Return the words in the SQL of a revision."""
    return frozenset(re.findall(r"\w+", source.read_sql(revision_file, "up")))


def _is_same(finding: Finding) -> bool:
    found, expected = {finding.key: finding.found or ""}, {finding.key: finding.expected or ""}
    return not compare.find_differences(found, expected)


def _find_missing_columns(found: Catalog, wanted: Catalog, later: Sequence[Catalog]) -> list[Finding]:
    """Return the missing columns of out-of-band tables: a revision creates a table as a whole or not at all."""
    result: list[Finding] = []
    for kind, table in found:
        if kind != "relation" or found[kind, table] != "table" or (kind, table) in wanted:
            continue
        missing: list[list[Finding]] = [
            [
                Finding(*key, definition, None)
                for key, definition in catalog.items()
                if key[0] == "column" and key[1].startswith(f"{table}.") and key not in found
            ]
            for catalog in later
            if (kind, table) in catalog
        ]
        # The table may have the shape of any later revision.
        nearest: list[Finding] = min(missing, key=len, default=[])
        result += nearest
    return result
