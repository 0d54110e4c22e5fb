"""Health checks for monitoring, without sign-in, and the page of requests that failed."""

import logging
import sys

from django.contrib.auth.decorators import login_not_required
from django.db import Error, transaction
from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.defaults import server_error

from ncfd_site.core import sql
from ncfd_site.schema.deploy import revisions

PLAIN = "text/plain; charset=utf-8"
SET_TIMEOUT = "SET LOCAL statement_timeout = '2s'"
# More than one row, or another one, is not the head.
READ_REVISION = "SELECT string_agg(version_num, ' and ' ORDER BY version_num) FROM alembic_version"

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
    """Return 200 if the database answers and is at head, otherwise 503 with the reason."""
    problem = _find_readiness_problem()
    return HttpResponse(f"{problem or 'ready'}\n", content_type=PLAIN, status=503 if problem else 200)


def report_failure(request: HttpRequest) -> HttpResponse:
    """Return Django's page of status 500, or one of status 503 that names the problem of the database.

    A handler of URL configurations: it runs while the exception of the request is handled.
    """
    return render_problem(sys.exc_info()[1]) or server_error(request)


def render_problem(error: BaseException | None) -> HttpResponse | None:
    """Return a page of status 503 if the error is one of a database that does not answer or is not at head."""
    if isinstance(error, Error) and (problem := _find_readiness_problem()):
        return HttpResponse(loader.render_to_string("503.html", {"problem": problem}), status=503)
    return None


def _find_readiness_problem() -> str:
    try:
        with transaction.atomic():
            sql.execute(SET_TIMEOUT)
            revision = sql.value(READ_REVISION)
    except Error as error:
        # The driver's message can name hosts and users: for the log only.
        log.warning("Not ready, the database does not answer: %s", error)
        return "The database does not answer."
    if revision != revisions.head():
        return "The database is not at the revision of this version. Run manage.py migrate_alembic."
    return ""
