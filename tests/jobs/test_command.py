"""`manage.py run_jobs` as a person runs it."""

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from ncfd_site.config.errors import ExitCode
from ncfd_site.core import sql
from ncfd_site.jobs.models import Job
from tests.config.commands import manage, production
from tests.jobs.working import database_url
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("option", ["--until-idle", "--once"])
def test_it_ends_when_it_is_to(tmp_path: Path, option: str) -> None:
    Job.objects.create(kind="of_tomorrow", requested_by="olga")
    done = manage(tmp_path, "run_jobs", option, **production(database_url()))
    assert (done.code, done.output, done.errors) == (0, "", "")


@pytest.mark.parametrize(("table", "command"), [("site_jobs", "migrate_alembic"), ("procrastinate_jobs", "migrate")])
def test_without_a_table_the_error_names_the_command_that_makes_it(tmp_path: Path, table: str, command: str) -> None:
    sql.execute(f"DROP TABLE {table} CASCADE")
    refused = manage(tmp_path, "run_jobs", "--until-idle", **production(database_url()))
    assert refused.code == ExitCode.REFUSED
    assert refused.error() == f"CommandError: The database has no table {table}. Run manage.py {command}."


def test_pages_that_start_or_show_jobs_name_the_missing_migration(olga: User) -> None:
    sql.execute("DROP TABLE procrastinate_workers, procrastinate_jobs CASCADE")
    client = Client(raise_request_exception=False)
    client.force_login(olga)
    for answer in (client.get("/jobs/"), client.post("/content/verify/", {"only": ["counts"], "sample": 100})):
        assert answer.status_code == 503
        assert "has no tables for background jobs. Run manage.py migrate." in text_of(answer)
    assert client.get("/readyz").status_code == 503
    assert client.get("/content/").status_code == 200
