"""The page /schema/: revision, plan, drift, verification and log of the schema."""

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe
from psycopg import Error, errors

from ncfd_site.config.errors import UserError
from ncfd_site.core.permissions import current_user, require_permission
from ncfd_site.postgres.replicas import reads_primary
from ncfd_site.schema.deploy import compare, session
from ncfd_site.schema.deploy.bookkeeping import LogAction
from ncfd_site.schema.deploy.diagnose import State
from ncfd_site.schema.deploy.status import Status, read_status
from ncfd_site.schema.presenter import LogEntryView, explain_state, list_differences, split_remedy

VIEW = "schema.view_migrationlog"

# The commands show all of them.
SHOWN_ENTRIES = 20
SHOWN_DIFFERENCES = 50


# A comparison needs temporary views, which a standby refuses.
@reads_primary
@require_safe
@require_permission(VIEW)
def schema(request: HttpRequest) -> HttpResponse:
    """Show the status of the schema, or why it cannot be read."""
    try:
        context = _build_context(read_status(session.select_libpq_keywords(connection.get_connection_params())))
    except UserError as error:
        context = {"error": str(error)}
    except Error as error:
        context = {"error": _describe_error(error)}
    return render(request, "schema.html", {"title": "Schema", "log_url": _log_url(request), **context})


def _build_context(status: Status) -> dict[str, object]:
    diagnosis, drift = status.diagnosis, status.drift
    log = [LogEntryView.from_entry(entry) for entry in status.log[:SHOWN_ENTRIES]]
    # The plan lists the objects to adopt.
    adopted = set(diagnosis.fit.out_of_band) if diagnosis.fit else set()
    findings, extras = ([], []) if drift is None else (drift.findings, drift.extra)
    differences, extra = (
        list_differences(f for f in found if f"{f.kind} {f.name}" not in adopted) for found in (findings, extras)
    )
    evidence, evidence_lines = explain_state(diagnosis)
    return {
        "database": status.database,
        "is_running": status.runner is not None,
        "diagnosis": diagnosis,
        "is_empty": diagnosis.state is State.EMPTY,
        "is_known": diagnosis.revision is not None or diagnosis.state is State.EMPTY,
        "is_safe": status.is_safe,
        "evidence": evidence,
        "evidence_lines": evidence_lines,
        "remedy": split_remedy(diagnosis.remedy),
        "applied": [step for step in status.steps if step.is_applied],
        "pending": status.pending,
        "steps": [(step, LogEntryView.from_entry(step.entry) if step.entry else None) for step in status.steps],
        "changed": [step for step in status.steps if step.is_changed],
        "rewrites": status.rewrites,
        "replacing_revision": compare.REPLACING_REVISION,
        "drift": drift,
        "differences": differences,
        "shown_differences": differences[:SHOWN_DIFFERENCES],
        "extra": extra,
        "shown_extra": extra[:SHOWN_DIFFERENCES],
        "changes": {difference.change for difference in differences},
        "verified": LogEntryView.from_entry(status.verified) if status.verified else None,
        "since_verified": _count_since_verified(status),
        "log": log,
        "has_more_entries": len(status.log) > len(log),
    }


def _count_since_verified(status: Status) -> int:
    """Return the number of entries after the last verification, without verifications."""
    later = status.log[: status.log.index(status.verified)] if status.verified else ()
    return sum(entry.action != LogAction.VERIFY for entry in later)


def _log_url(request: HttpRequest) -> str:
    """Return the URL of the log in the admin, for staff."""
    return reverse("admin:schema_migrationlog_changelist") if current_user(request).is_staff else ""


def _describe_error(error: Error) -> str:
    cause = (error.diag.message_primary or "no reason given").rstrip(".")
    if isinstance(error, errors.InsufficientPrivilege):
        return f"The database user of the site cannot read the whole schema ({cause}). Grant it SELECT."
    if isinstance(error, errors.LockNotAvailable):
        return "A table is locked, perhaps by a run of migrate_alembic. Reload the page in a moment."
    return f"Cannot read the schema ({cause}). Nothing was changed. Reload the page in a moment."
