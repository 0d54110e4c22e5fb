"""Where a database stands, proved: its catalog against what each revision makes on the same server.

The revision is chosen that the version table names, where the schema fits it, else the newest one that fits. Recorded
is the one from which the revisions after it bring all that was recognised in line; each may run over its own result.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema import catalog
from ncfd_site.schema.deploy import assess, bookkeeping, compare, diagnose, expected, known_drift, repair, revisions
from ncfd_site.schema.deploy.assess import Fit
from ncfd_site.schema.deploy.bookkeeping import LogAction
from ncfd_site.schema.deploy.diagnose import Diagnosis, State
from ncfd_site.schema.deploy.repair import Repair
from ncfd_site.schema.deploy.report import MigrationError
from ncfd_site.schema.deploy.session import Connection

AUTO = "auto"
_SHOWN = 12


@dataclass(frozen=True)
class Adoption:
    """The proof: the revision that the schema is at, and the one to record so that all comes in line."""

    fit: Fit
    fits: tuple[Fit, ...]
    repairs: tuple[Repair, ...]
    objects: int
    partial: str

    @property
    def recorded(self) -> str:
        """The revision to go on from."""
        return self.fit.recorded

    def evidence(self) -> list[str]:
        """What was looked at and what was seen, a line each."""
        how = (
            f"partial: with the definitions kept with the revisions, because {self.partial}"
            if self.partial
            else "with what each revision makes in a scratch database on the same server"
        )
        said = [f"Compared {self.objects} objects {how}:"]
        for fit in self.fits:
            odd = len(fit.wrong)
            said.append(f"  {fit.revision}: " + (f"{odd} objects wrong" if odd else "fits"))
        said.append(f"The schema is at {self.fit.revision}.")
        said += [f"  recognised: {variant.description} (by {variant.repaired_by})" for variant in self.fit.known_drift]
        said += [f"  to mend: {each.description}" for each in self.repairs]
        missing = [f"{f.kind} {f.name}" for f in self.fit.missing if f.kind not in ("index", "constraint")]
        if missing:
            said.append(f"  missing, and made by {compare.REPLACING_REVISION}: {_some(missing)}")
        if self.fit.out_of_band:
            said.append(f"  made by hand before its revision, and taken over: {_some(self.fit.out_of_band)}")
        if self.fit.outdated:
            said.append(f"  {diagnose.describe_outdated(self.fit)}")
        if self.fit.extra:
            said.append(f"  not ours, and left alone: {_some([f'{f.kind} {f.name}' for f in self.fit.extra])}")
        if self.recorded != self.fit.revision:
            said.append(f"Recorded as {self.recorded}, so that the revisions after it bring the rest in line.")
        return said

    def as_json(self) -> dict[str, Any]:
        """The contract of `--adopt --json`."""
        return {
            "revision": self.fit.revision,
            "recorded": self.recorded,
            "partial": self.partial or None,
            "evidence": self.evidence(),
            "repairs": [each.description for each in self.repairs],
        }


def prove(connection: Connection, server: Mapping[str, Any], found: Diagnosis, asked: str) -> Adoption:
    """Prove where the database stands; `asked` is a revision or `auto`. Writes nothing to it.

    Raises `MigrationError` where the state is not ours to touch, where nothing fits, and where rows break what is to
    be added.
    """
    if found.state in diagnose.NOT_OURS:
        found.require_safe()
    if found.state is State.EMPTY:
        raise MigrationError(
            "The database is empty: there is nothing to adopt. To make the schema: manage.py migrate_alembic",
            ExitCode.USAGE,
        )
    seen = found.found or catalog.read_definitions(connection)
    partial = ""
    try:
        catalogs = expected.load_server_catalogs(server, revisions.ids())
    except expected.ScratchDatabaseError as reason:
        catalogs, partial = expected.read_catalogs(revisions.ids()), str(reason)
    fits = tuple(assess.assess_fit(seen, catalogs, revision, exact=not partial) for revision in revisions.ids())
    chosen = _choose(fits, found.named_revisions, asked)
    head = catalogs[revisions.head()]
    needed = repair.plan_repairs(known_drift.recognize_known_drift(seen, head)[0], head, exact=not partial)
    if broken := repair.find_violations(connection, needed):
        raise MigrationError(
            f"The schema is at {chosen.revision}, but rows break what is to be added; nothing was changed:\n"
            + "\n".join(f"  {offence}" for offence in broken)
            + "\nMend or delete these rows, and run it again.",
            ExitCode.REFUSED,
        )
    # What a pending revision adds to a table that its own revision made is its work and no mend.
    lacking = {finding.key for finding in chosen.missing}
    made = catalogs[chosen.revision]
    mends = tuple(
        each for each in needed if each.finding.key in lacking or ("relation", each.finding.relation) not in made
    )
    return Adoption(chosen, fits, mends, len(seen), partial)


def record(connection: Connection, adoption: Adoption, was: Sequence[str], log: bookkeeping.RunLog) -> None:
    """Write the version and the log of it, in one transaction."""
    with connection.transaction():
        bookkeeping.write_version(connection, adoption.recorded)
        before = ", ".join(was) or "none"
        log.record(
            connection,
            adoption.recorded,
            LogAction.ADOPT,
            detail=f"proved to be at {adoption.fit.revision}; alembic_version held before: {before}"
            + (f"; partial: {adoption.partial}" if adoption.partial else ""),
        )


def _choose(fits: Sequence[Fit], named: Sequence[str], asked: str) -> Fit:
    by_revision = {fit.revision: fit for fit in fits}
    if asked != AUTO:
        try:
            revision = revisions.resolve_target(asked, None)
        except LookupError as error:
            raise MigrationError(
                f"There is no revision {asked!r} to adopt: {error}; known: {', '.join(revisions.ids())}.",
                ExitCode.USAGE,
            ) from None
        if revision is None:
            raise MigrationError("A schema that is there is not at base.", ExitCode.USAGE)
        if by_revision[revision].fits:
            return by_revision[revision]
        raise _unfit(by_revision[revision])
    for candidates in ([by_revision[revision] for revision in named], fits):
        fitting = [fit for fit in candidates if fit.fits]
        if fitting:
            return fitting[-1]
    raise _unfit(min(reversed(fits), key=lambda fit: len(fit.wrong)))


def _unfit(fit: Fit) -> MigrationError:
    wrong = compare.omit_parts(fit.wrong)
    shown = [f"  {finding.description}" for finding in wrong[:_SHOWN]]
    more = [f"  and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []
    first = f"The schema is not at {fit.revision}: {len(wrong)} objects differ. Nothing was changed."
    last = "Bring these in line, and run it again."
    return MigrationError("\n".join([first, *shown, *more, last]), ExitCode.REFUSED)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
