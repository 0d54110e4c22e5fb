"""`manage.py run_jobs` as a person runs it."""

from pathlib import Path

import pytest

from ncfd_site.config.errors import ExitCode
from ncfd_site.core import sql
from ncfd_site.jobs.models import Job
from tests.config.commands import manage, production
from tests.jobs.working import database_url

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("option", ["--until-idle", "--once"])
def test_it_ends_when_it_is_to(tmp_path: Path, option: str) -> None:
    Job.objects.create(kind="of_tomorrow", requested_by="olga")
    done = manage(tmp_path, "run_jobs", option, **production(database_url()))
    assert (done.code, done.output, done.errors) == (0, "", "")


def test_without_the_table_the_error_names_what_is_missing(tmp_path: Path) -> None:
    sql.execute("DROP TABLE site_jobs")
    refused = manage(tmp_path, "run_jobs", "--until-idle", **production(database_url()))
    assert refused.code == ExitCode.REFUSED
    assert "manage.py migrate_alembic" in refused.error()
