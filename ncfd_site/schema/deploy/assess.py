"""Where a database stands: its catalog held against what each revision makes.

A database fits a revision when all that the revision makes is there, in the right shape or in one that the revisions
and `mend` bring in line. What later revisions make may be there too, made by hand; what nobody knows is left alone.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ncfd_site.schema import source
from ncfd_site.schema.catalog import Catalog
from ncfd_site.schema.deploy import compare, known_drift, revisions
from ncfd_site.schema.deploy.compare import Finding
from ncfd_site.schema.deploy.known_drift import KnownDrift

# What can be added to a table while others work with it.
_ADDED_ONLINE = ("index", "constraint")


@dataclass(frozen=True)
class Fit:
    """How a database compares with one revision.

    wrong       what neither a revision nor `mend` brings in line: it does not fit
    lacks       indexes, constraints and routines that are missing or unfinished, and that are made
    pending     indexes and constraints of tables made by hand that are missing or unfinished, and that revisions to
                come make
    variants    shapes made by hand that are recognised
    out_of_band   names of objects that later revisions make and that are there already
    outdated  names of routines, views, triggers and generated columns that a revision replaces
    extra       what no revision makes: left alone
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
        """Whether a run can go on from this revision."""
        return not self.wrong

    @property
    def is_clean(self) -> bool:
        """Whether the database is what the revision says, but for old bodies and what later revisions make."""
        return not (self.wrong or self.missing or self.overdue_drift)

    @property
    def has_out_of_band_changes(self) -> bool:
        """Whether people were there before the revisions."""
        return bool(self.out_of_band or self.pending or self.known_drift)

    @property
    def overdue_drift(self) -> tuple[KnownDrift, ...]:
        """Shapes that a revision up to this one should have brought in line."""
        order = revisions.ids()
        return tuple(v for v in self.known_drift if order.index(v.repaired_by) <= order.index(self.revision))

    @property
    def recorded(self) -> str:
        """The revision to go on from, so that those after it bring the recognised shapes in line."""
        order = revisions.ids()
        places = [order.index(self.revision), *(order.index(variant.repaired_by) - 1 for variant in self.known_drift)]
        return order[min(places)]


def assess_fit(found: Catalog, catalogs: Mapping[str, Catalog], revision: str, *, exact: bool) -> Fit:
    """Hold a catalog against a revision. `catalogs` has what each revision makes; `exact`: on the same server."""
    wanted = catalogs[revision]
    order = revisions.ids()
    later = [catalogs[each] for each in order[order.index(revision) + 1 :]]
    seen, recognised = known_drift.recognize_known_drift(found, wanted)
    wrong: list[Finding] = []
    lacks: list[Finding] = []
    pending: list[Finding] = []
    out_of_band: list[str] = []
    outdated: list[str] = []
    extra: list[Finding] = []
    replaced = compare.has_pending_replacement(revision)
    for finding in compare.find_differences(seen, wanted, exact=exact):
        body = replaced and compare.is_replaceable(finding, seen, wanted)
        if finding.expected is None:
            coming = [Finding(*finding.key, made[finding.key], finding.found) for made in later if finding.key in made]
            if not coming:
                extra.append(finding)
            elif any(
                (replaced and compare.is_replaceable(each, seen, wanted))
                or each.is_unfinished
                or _is_same(each, exact=exact)
                for each in coming
            ):
                out_of_band.append(f"{finding.kind} {finding.name}")
            else:
                wrong.append(coming[0])
        elif body and (finding.found is not None or ("relation", finding.relation) in seen):
            outdated.append(f"{finding.kind} {finding.name}")
        elif finding.kind in _ADDED_ONLINE and finding.found is None and _is_made_after(revision, finding):
            pending.append(finding)
        elif body or finding.is_unfinished or (finding.kind in _ADDED_ONLINE and finding.found is None):
            lacks.append(finding)
        elif later and finding.found is not None and later[0].get(finding.key) == finding.found:
            # The next revision was killed before its version was written: it runs over its own result.
            out_of_band.append(f"{finding.kind} {finding.name}")
        else:
            wrong.append(finding)
    wrong += _incomplete(seen, wanted, later)
    return Fit(
        revision,
        tuple(wrong),
        tuple(lacks),
        tuple(pending),
        recognised,
        tuple(out_of_band),
        tuple(outdated),
        tuple(extra),
    )


def _is_made_after(revision: str, finding: Finding) -> bool:
    """Whether a revision to come makes it by its name."""
    name = re.compile(rf"\b{re.escape(finding.name.rpartition('.')[2])}\b")
    return any(
        name.search(source.text(each.path, "up")) for _, each in revisions.steps_between(revision, revisions.head())
    )


def _is_same(finding: Finding, *, exact: bool) -> bool:
    found, expected = {finding.key: finding.found or ""}, {finding.key: finding.expected or ""}
    return not compare.find_differences(found, expected, exact=exact)


def _incomplete(found: Catalog, wanted: Catalog, later: Sequence[Catalog]) -> list[Finding]:
    """Columns that tables made by hand lack: a revision makes a table whole or not at all."""
    lacking: list[Finding] = []
    for kind, table in found:
        if kind != "relation" or found[kind, table] != "table" or (kind, table) in wanted:
            continue
        shapes = [made for made in later if (kind, table) in made]
        missing: list[list[Finding]] = [
            [
                Finding(*key, definition, None)
                for key, definition in made.items()
                if key[0] == "column" and key[1].startswith(f"{table}.") and key not in found
            ]
            for made in shapes
        ]
        # Its shape may be that of any of the revisions.
        nearest: list[Finding] = min(missing, key=len, default=[])
        lacking += nearest
    return lacking
