"""Two machines with separate homes: what one of them writes, the other one reads."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from linkaudit.models import LinkAudit
from ncfd_site.core.roles import Role
from ncfd_site.jobs.models import Job
from storage.content import get_content_store
from tests.config.commands import manage
from tests.factories import PASSWORD, make_link_audit, make_user
from tests.jobs.working import database_url
from tests.postgres import _free_port
from tests.replicas.machines import CSRF, Browser, build_environment, gunicorn, run_process, sign_in, wait_until
from tests.storage.content.harness import BUCKET
from tests.storage.store_setup import upload

SIGN_IN = "/accounts/login/"


@pytest.mark.django_db(transaction=True)
def test_each_machine_continues_the_work_of_the_other(
    s3_credentials: None,
    s3_endpoint: str,
    static_root: Path,
    tmp_path: Path,
    settings: Any,
) -> None:
    make_link_audit()
    make_user(Role.REVIEWER, username="rita")
    ana, olga = sign_in("ana"), sign_in("olga", Role.OPERATOR)
    shared = {
        "CONTENT_ROOT": str(tmp_path / "content"),
        "CONTENT_S3_BUCKET": BUCKET,
        "CONTENT_S3_PREFIX": "machines",
        "CONTENT_S3_ENDPOINT": s3_endpoint,
        "CONTENT_S3_REGION": "us-east-1",
        "SHARED_ROOT": f"s3://{BUCKET}/shared",
        "LOGIN_ATTEMPTS": "2",
    }
    machines = [build_environment(database_url(), tmp_path / name, static_root, **shared) for name in ("one", "two")]
    with ExitStack() as stack:
        ports = []
        for machine in machines:
            ports.append(_free_port())
            Path(machine["NCFD_HOME"]).mkdir()
            log = Path(machine["NCFD_HOME"]) / "site.log"
            stack.enter_context(run_process(machine, log, *gunicorn(ports[-1], workers=1, threads=2)))
        first, second = (Browser(port, dict(ana)) for port in ports)
        for browser in (first, second):
            wait_until(lambda: browser.request("/readyz")[0] == 200, 120)  # noqa: B023

        # An export asked for on one machine, written by the other one's worker, downloaded from each.
        assert first.request("/exports/links/csv/", {})[0] == 302
        assert first.location.startswith("/jobs/")
        job = Job.objects.get()
        worked = manage(tmp_path / "two", "run_jobs", "--until-idle", **machines[1])
        assert (worked.code, f"Job {job.pk} is done: 1 row" in worked.output) == (0, True), worked
        for browser in (first, second):
            status, text = browser.request(f"/exports/files/{job.pk}/")
            assert (status, text.splitlines()[1].split(",")[0]) == (200, "audit_id")
            assert text.splitlines()[2].split(",")[0] == str(LinkAudit.objects.get().pk)
        assert not list(tmp_path.glob("*/exports/*"))

        # Files that one machine stored are read by the worker of the other one.
        for name in [name for name in shared if name.startswith("CONTENT_")]:
            setattr(settings, name, shared[name])
        settings.CONTENT_ROOT = tmp_path / "content"
        (tmp_path / "content").mkdir()
        upload(b"in the folder")
        upload(b"in the bucket", name="bucket", store=get_content_store("s3"))
        operator = Browser(ports[0], olga)
        assert operator.request("/content/verify/", {"only": "hashes", "sample": "100"})[0] == 302
        assert manage(tmp_path / "two", "run_jobs", "--until-idle", **machines[1]).code == 0
        found = Job.objects.latest("pk")
        assert found.result is not None
        assert (found.state, found.result["findings"]) == (Job.State.DONE, [])
        assert found.result["summary"]["checks"]["hashes"]["checked_count"] == 2

        # Failures of a sign-in count for both.
        visitors = [Browser(port, {"csrftoken": CSRF}) for port in ports]
        wrong, right = ({"username": "rita", "password": password} for password in ("wrong", PASSWORD))
        statuses = [visitors[number].request(SIGN_IN, form)[0] for number, form in ((0, wrong), (1, wrong), (0, right))]
        assert statuses == [200, 429, 429]
