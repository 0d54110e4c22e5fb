"""The page that shows where the schema stands, what a run would do, what differs, and what was done so far."""

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe
from psycopg import Error, errors

from ncfd_site.config.errors import UserError
from ncfd_site.core.permissions import current_user, require_permission
from ncfd_site.schema.deploy import compare, session
from ncfd_site.schema.deploy.bookkeeping import LogAction
from ncfd_site.schema.deploy.diagnose import State
from ncfd_site.schema.deploy.status import Status, read_status
from ncfd_site.schema.presenter import (
    Deed,
    differences,
    evidence,
    remedy,
)

VIEW = "schema.view_migrationlog"

# More than these say nothing that the first ones do not; the commands tell all of them.
SHOWN_ENTRIES = 20
SHOWN_DIFFERENCES = 50


@require_safe
@require_permission(VIEW)
def schema(request: HttpRequest) -> HttpResponse:
    """Show the schema as it is now; where the database cannot be looked at, say why in one sentence."""
    try:
        facts = _facts(read_status(session.select_libpq_keywords(connection.get_connection_params())))
    except UserError as refusal:
        facts = {"obstacle": str(refusal)}
    except Error as error:
        facts = {"obstacle": _obstacle(error)}
    return render(request, "schema.html", {"title": "Schema", "log_url": _log_url(request), **facts})


def _facts(found: Status) -> dict[str, object]:
    diagnosis, drift = found.diagnosis, found.drift
    log = [Deed.of(entry) for entry in found.log[:SHOWN_ENTRIES]]
    verified = Deed.of(found.verified) if found.verified else None
    # What a run takes over stands in the plan.
    taken_over = set(diagnosis.fit.out_of_band) if diagnosis.fit else set()
    findings = drift.findings if drift else []
    differing = differences(f for f in findings if f"{f.kind} {f.name}" not in taken_over)
    said, odd = evidence(diagnosis)
    return {
        "database": found.database,
        "is_running": found.runner is not None,
        "diagnosis": diagnosis,
        "is_empty": diagnosis.state is State.EMPTY,
        "is_known": diagnosis.revision is not None or diagnosis.state is State.EMPTY,
        "is_safe": found.is_safe,
        "evidence": said,
        "odd": odd,
        "remedy": remedy(diagnosis.remedy),
        "applied": [step for step in found.steps if step.applied],
        "pending": found.pending,
        "steps": [(step, Deed.of(step.entry) if step.entry else None) for step in found.steps],
        "changed": [step for step in found.steps if step.changed],
        "rewrites": found.rewrites,
        "replacing_revision": compare.REPLACING_REVISION,
        "drift": drift,
        "differing": differing,
        "differences": differing[:SHOWN_DIFFERENCES],
        "kinds_of_difference": {difference.what for difference in differing},
        "verified": verified,
        "since_verified": _since_verified(found),
        "log": log,
        "log_is_longer": len(found.log) > len(log),
    }


def _since_verified(found: Status) -> int:
    """How many entries of the log, other than verifications, came after the last verification."""
    later = found.log[: found.log.index(found.verified)] if found.verified else ()
    return sum(entry.action != LogAction.VERIFY for entry in later)


def _log_url(request: HttpRequest) -> str:
    """The address of the whole log, for those who may open it."""
    return reverse("admin:schema_migrationlog_changelist") if current_user(request).is_staff else ""


def _obstacle(error: Error) -> str:
    """What to say where the server let us in, and broke off then."""
    said = (error.diag.message_primary or "it gives no reason").rstrip(".")
    if isinstance(error, errors.InsufficientPrivilege):
        return f"The database user of the site may not look at all of the schema ({said}): grant it SELECT there."
    if isinstance(error, errors.LockNotAvailable):
        return (
            "A table is locked, perhaps by a run of migrate_alembic that works on it: load the page again in a moment."
        )
    return f"The look at the schema broke off ({said}); nothing was changed: load the page again in a moment."
