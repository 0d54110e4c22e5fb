"""Health checks for monitoring, without sign-in, and the page of requests that failed."""

import logging
import sys

from django.contrib.auth.decorators import login_not_required
from django.db import Error, InterfaceError, OperationalError, transaction
from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.defaults import server_error
from psycopg.errors import ReadOnlySqlTransaction

from ncfd_site.config.errors import DatabaseUnavailable
from ncfd_site.core import sql
from ncfd_site.schema.deploy import revisions

PLAIN = "text/plain; charset=utf-8"
SET_TIMEOUT = "SET LOCAL statement_timeout = '2s'"
# More than one row, or another one, is not the head.
READ_REVISION = "SELECT string_agg(version_num, ' and ' ORDER BY version_num) FROM alembic_version"
READ_MODE = """
    SELECT CASE WHEN pg_is_in_recovery() THEN 'The database is a standby, which is read-only.'
        WHEN current_setting('transaction_read_only')::boolean THEN 'The database is read-only.' ELSE '' END
"""
RETRY_SECONDS = "10"
NO_ANSWER = "The database does not answer."
# The last of the tables that Django's `migrate` makes for background jobs.
IS_MIGRATED = "SELECT to_regclass('procrastinate_workers') IS NOT NULL"

log = logging.getLogger(__name__)


@require_safe
@login_not_required
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Return 200 if the process answers. Reads neither the database nor the session."""
    return HttpResponse("ok\n", content_type=PLAIN)


@require_safe
@login_not_required
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Return 200 if the database answers, can be written and is at head, otherwise 503 with the reason."""
    problem = _find_readiness_problem()
    if not problem:
        return HttpResponse("ready\n", content_type=PLAIN)
    response = HttpResponse(f"{problem}\n", content_type=PLAIN, status=503, headers={"Retry-After": RETRY_SECONDS})
    # The reason is in the log; Django's line for the status would add nothing.
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001
    return response


def report_failure(request: HttpRequest) -> HttpResponse:
    """Return Django's page of status 500, or one of status 503 that names the problem of the database.

    A handler of URL configurations: it runs while the exception of the request is handled.
    """
    return render_problem(sys.exc_info()[1]) or server_error(request)


def render_problem(error: BaseException | None) -> HttpResponse | None:
    """Return a page of status 503 if the error is one of a database that does not answer, write or is not at head.

    On a standby, other errors are errors of the page.
    """
    if not isinstance(error, Error):
        return None
    is_read_only = isinstance(error.__cause__, ReadOnlySqlTransaction)
    problem = _find_readiness_problem(needs_write=is_read_only)
    # After a failover, the database can be back before the page of the error is made.
    if not problem and (is_read_only or _is_outage(error)):
        problem = NO_ANSWER
    if problem:
        page = loader.render_to_string("503.html", {"problem": problem})
        return HttpResponse(page, status=503, headers={"Retry-After": RETRY_SECONDS})
    return None


def _is_outage(error: Error) -> bool:
    """Return whether there was no connection, or the server closed it."""
    state = getattr(error.__cause__, "sqlstate", "") or "08"
    is_of_connection = isinstance(error, OperationalError | InterfaceError) and error.__cause__ is not None
    return isinstance(error, DatabaseUnavailable) or (is_of_connection and state.startswith(("08", "57P")))


def _find_readiness_problem(*, needs_write: bool = True) -> str:
    reason: Error | str = ""
    try:
        with transaction.atomic():
            sql.execute(SET_TIMEOUT)
            revision = sql.value(READ_REVISION)
            is_migrated = sql.value(IS_MIGRATED)
            problem = str(sql.value(READ_MODE)) if needs_write else ""
        if not is_migrated:
            problem = "The database has no tables for background jobs. Run manage.py migrate."
        if revision != revisions.head():
            problem = "The database is not at the revision of this version. Run manage.py migrate_alembic."
    except Error as error:
        problem, reason = NO_ANSWER, error
    if problem:
        # The driver's message can name hosts and users: for the log only.
        log.warning("Not ready: %s %s", problem, reason)
    return problem
