"""Adoption: proof of the revision that a schema is at.

The catalog is compared with what each revision produces, as the server reads it. Chosen is the revision in the version
table if the schema fits it, else the newest one that fits. Recorded is the one after which the revisions repair all
known drift; each revision can run over its own result.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.formatting import format_quantity
from ncfd_site.schema import catalog
from ncfd_site.schema.deploy import (
    assess,
    bookkeeping,
    compare,
    diagnose,
    expected,
    known_drift,
    repair,
    revisions,
    spelling,
)
from ncfd_site.schema.deploy.assess import Fit
from ncfd_site.schema.deploy.bookkeeping import LogAction
from ncfd_site.schema.deploy.diagnose import Diagnosis, State
from ncfd_site.schema.deploy.repair import RefcountDrift, Repair
from ncfd_site.schema.deploy.report import MigrationError
from ncfd_site.schema.deploy.session import Connection

AUTO = "auto"
_SHOWN = 12


@dataclass(frozen=True)
class Adoption:
    """A proof: the fit to the current revision, the fit to every revision, the repairs, and wrong reference counts."""

    fit: Fit
    fits: tuple[Fit, ...]
    repairs: tuple[Repair, ...]
    refcounts: tuple[RefcountDrift, ...]
    objects: int
    partial: str

    @property
    def recorded(self) -> str:
        """The revision to record and upgrade from."""
        return self.fit.recorded

    def evidence(self) -> list[str]:
        """Return the evidence as lines."""
        source = (
            f"each revision (partial: the server cannot read definitions again: {self.partial})"
            if self.partial
            else "each revision, as this server reads it"
        )
        lines = [f"Compared {format_quantity(self.objects, 'object')} with {source}:"]
        lines += [
            f"  {fit.revision}: {compare.count_differences(fit.wrong) if fit.wrong else 'fits'}" for fit in self.fits
        ]
        lines.append(f"The schema is at {self.fit.revision}.")
        lines += [f"  known drift: {drift.description} (by {drift.repaired_by})" for drift in self.fit.known_drift]
        lines += [f"  repair: {each.description}" for each in self.repairs]
        if self.refcounts:
            lines.append(
                f"  repair: {format_quantity(len(self.refcounts), 'reference count')} of storage_objects:"
                f" {_format_some(self.refcounts)}"
            )
        missing = [f"{f.kind} {f.name}" for f in self.fit.missing if f.kind not in ("index", "constraint")]
        if missing:
            lines.append(f"  missing, added by {compare.REPLACING_REVISION}: {_format_some(missing)}")
        if self.fit.out_of_band:
            lines.append(f"  out-of-band, adopted: {_format_some(self.fit.out_of_band)}")
        if self.fit.outdated:
            lines.append(f"  {diagnose.describe_outdated(self.fit)}")
        if self.fit.extra:
            lines.append(f"  extra, left alone: {_format_some([f'{f.kind} {f.name}' for f in self.fit.extra])}")
        if self.recorded != self.fit.revision:
            lines.append(f"Recorded as {self.recorded}: the revisions after it repair the rest.")
        return lines

    def as_json(self) -> dict[str, Any]:
        """Return the object in `--adopt --json`; its keys are a public contract."""
        return {
            "revision": self.fit.revision,
            "recorded": self.recorded,
            "partial": self.partial or None,
            "evidence": self.evidence(),
            "repairs": [each.description for each in self.repairs],
        }


def prove(connection: Connection, diagnosis: Diagnosis, revision: str) -> Adoption:
    """Prove the revision of a database; `revision` is an id or `auto`. Writes nothing to it.

    A database of the pipelines' own migrations is adopted only where the revision before them is named. Raises
    `MigrationError` if the database is not ours, no revision fits, or rows violate a constraint to be added.
    """
    if diagnosis.state in diagnose.NOT_OURS or (
        diagnosis.state is State.PIPELINES_REVISION and revision != revisions.LIVE_HEAD
    ):
        diagnosis.require_safe()
    if diagnosis.state is State.EMPTY:
        raise MigrationError(
            "The database is empty; there is nothing to adopt. To create the schema: manage.py migrate_alembic",
            ExitCode.USAGE,
        )
    catalogs = expected.read_catalogs(revisions.ids())
    definitions = diagnosis.definitions or catalog.read_definitions(connection)
    found, partial = spelling.respell_by_server(connection, definitions, catalogs.values())
    fits = tuple(assess.assess_fit(found, catalogs, each) for each in revisions.ids())
    chosen = _choose_revision_to_adopt(fits, diagnosis.named_revisions, revision)
    head = catalogs[revisions.head()]
    needed = repair.plan_repairs(known_drift.recognize_known_drift(found, head)[0], head)
    if violations := repair.find_violations(connection, needed):
        raise MigrationError(
            f"The schema is at {chosen.revision}, but rows violate constraints to be added. Nothing was changed:\n"
            + "\n".join(f"  {violation}" for violation in violations)
            + "\nCorrect or delete these rows and run the command again.",
            ExitCode.REFUSED,
        )
    # Pending revisions add the rest to the tables of the current one.
    missing = {finding.key for finding in chosen.missing}
    current = catalogs[chosen.revision]
    repairs = tuple(
        each for each in needed if each.finding.key in missing or ("relation", each.finding.relation) not in current
    )
    refcounts = tuple(repair.find_refcount_drift(connection))
    return Adoption(chosen, fits, repairs, refcounts, len(found), partial)


def record_adoption(
    connection: Connection, adoption: Adoption, previous: Sequence[str], log: bookkeeping.RunLog
) -> None:
    """Write the version and its log entry in one transaction."""
    with connection.transaction():
        bookkeeping.write_version(connection, adoption.recorded)
        log.record(
            connection,
            adoption.recorded,
            LogAction.ADOPT,
            detail=f"schema at {adoption.fit.revision}; alembic_version before: {', '.join(previous) or 'none'}"
            + (f"; partial: {adoption.partial}" if adoption.partial else ""),
        )


def _choose_revision_to_adopt(fits: Sequence[Fit], named: Sequence[str], target: str) -> Fit:
    by_revision = {fit.revision: fit for fit in fits}
    if target != AUTO:
        try:
            revision = revisions.resolve_target(target, None)
        except LookupError as error:
            raise MigrationError(
                f"There is no revision {target!r} to adopt: {error}. Known: {', '.join(revisions.ids())}.",
                ExitCode.USAGE,
            ) from None
        if revision is None:
            raise MigrationError("The database has a schema, so it is not at base.", ExitCode.USAGE)
        if by_revision[revision].fits:
            return by_revision[revision]
        raise _unfit_error(by_revision[revision])
    for candidates in ([by_revision[revision] for revision in named], fits):
        fitting = [fit for fit in candidates if fit.fits]
        if fitting:
            return fitting[-1]
    raise _unfit_error(min(reversed(fits), key=lambda fit: len(fit.wrong)))


def _unfit_error(fit: Fit) -> MigrationError:
    wrong = compare.omit_parts(fit.wrong)
    shown = [f"  {finding.description}" for finding in wrong[:_SHOWN]]
    more = [f"  and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []
    first = f"The schema is not at {fit.revision}: {compare.count_differences(wrong)}. Nothing was changed."
    last = (
        "Correct these and run the command again. If alembic_version holds the revision, "
        "migrate_alembic --drift --repair-sql prints the SQL."
    )
    return MigrationError("\n".join([first, *shown, *more, last]), ExitCode.REFUSED)


def _format_some(items: Sequence[object]) -> str:
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return ", ".join(map(str, items[:_SHOWN])) + more
