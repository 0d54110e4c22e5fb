"""Whether the site is up, and whether it can work: for whatever looks after it, without signing in."""

import logging

from django.contrib.auth.decorators import login_not_required
from django.db import Error, transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ncfd_site.core import sql
from ncfd_site.schema.deploy import revisions

PLAIN = "text/plain; charset=utf-8"
PATIENCE = "SET LOCAL statement_timeout = '2s'"
# Alembic keeps one row; two would say that somebody else wrote there.
REVISION = "SELECT string_agg(version_num, ' and ' ORDER BY version_num) FROM alembic_version"

log = logging.getLogger(__name__)


@require_safe
@login_not_required
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Say that the process answers; asks neither the database nor the session."""
    return HttpResponse("ok\n", content_type=PLAIN)


@require_safe
@login_not_required
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Say whether the database answers and stands at head; 503 and one sentence where it does not."""
    obstacle = _obstacle()
    return HttpResponse(f"{obstacle or 'ready'}\n", content_type=PLAIN, status=503 if obstacle else 200)


def _obstacle() -> str:
    try:
        with transaction.atomic():
            sql.execute(PATIENCE)
            revision = sql.value(REVISION)
    except Error as error:
        # What the driver says can name hosts and people: it is for the log alone.
        log.warning("Not ready, the database gives no answer: %s", error)
        return "The database does not answer."
    if revision != revisions.head():
        return "The database is not at the revision that this version needs: run manage.py migrate_alembic."
    return ""
