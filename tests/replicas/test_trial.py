"""Everything at once, on two machines, while everything is killed; then the primary is lost for good.

50 users, a pipeline, scoring, verification, garbage collection, exports, pruning and backups run on a primary with a
synchronous standby, pgbouncer, two sites, two workers and S3. SOAK_MINUTES shortens the ten minutes.
"""

import logging
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connections
from psycopg.conninfo import conninfo_to_dict

from linkaudit.models import LinkAudit
from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from ncfd_site.jobs import queue
from ncfd_site.jobs.engine import OPEN
from ncfd_site.jobs.models import Job
from storage.content import get_content_store, get_content_store_for
from storage.models import Document
from tests import databases
from tests.config.commands import Result, manage
from tests.factories import make_asset, make_user
from tests.migration.running import query
from tests.migration.test_pooler import pgbouncer
from tests.postgres import Server, _free_port, _identity, started_server
from tests.replicas.conftest import use_databases
from tests.replicas.machines import (
    Browser,
    await_standby,
    build_environment,
    gunicorn,
    point_pooler,
    sign_in,
    start_synchronous_standby,
    wait_until,
)
from tests.replicas.services import Command, ProcessService, Service, StandbyService, kill_and_restart
from tests.replicas.trial_clients import Operator, Pipeline, Reviewer
from tests.storage.content.harness import BUCKET
from tests.storage.store_setup import upload

logger = logging.getLogger(__name__)

DATABASE = "trial"
USERS, LINKS_OF_A_USER, TRIALS, DOCUMENTS = 50, 200, 5_000, 300
MINUTES = min(10.0, float(os.environ.get("SOAK_MINUTES", "10")))
KILLS = max(3, round(2 * MINUTES))
# Seconds from the promotion until the site answers.
LONGEST = 30

TRIALS_AND_LINKS = """
    INSERT INTO trials (nct_id, sponsor_text, phase, indication, is_pivotal, status, est_primary_completion_date,
                        last_seen_at)
    SELECT 'NCT' || lpad(n::text, 8, '0'), 'Sponsor ' || n %% 97, (ARRAY['PHASE3', 'PHASE2'])[1 + n %% 2], 'Psoriasis',
           n %% 2 = 0, 'RECRUITING', date '2026-01-01' + n %% 900, now()
    FROM generate_series(1, %(trials)s) n;
    INSERT INTO signals (trial_id, "S_id", severity, evidence_span, fired_at)
    SELECT trial_id, 'S' || 1 + (trial_id + s) %% 9, (ARRAY['H', 'M', 'L'])[1 + trial_id %% 3], 'quoted words', now()
    FROM trials, generate_series(0, 2) s;
    INSERT INTO link_audit (doc_id, asset_id, nct_id, link_type, confidence, heuristic_applied, evidence_jsonb)
    SELECT %(document)s, %(asset)s, 'NCT' || lpad(n::text, 8, '0'), 'intervention_of_trial', 0.95, 'HP-2', '{}'
    FROM generate_series(1, %(links)s) n;
"""


@dataclass
class Machines:
    """The servers, and the processes that are killed."""

    folder: Path
    primary: Server
    standby: Server
    ports: list[int]
    environment: dict[str, str]
    services: list[Service]
    commands: list[Command]
    pooler_folder: Path

    def promote(self) -> None:
        """Make the standby the primary, and point the pooler to it."""
        self.standby.promote()
        point_pooler(self.pooler_folder, self.primary, self.standby)

    def run(self, *arguments: str) -> Result:
        """Run a command as on the first machine."""
        return manage(self.folder, *arguments, **self.environment)


@dataclass
class Moments:
    """When things happened, and what was killed."""

    kills: Counter[str] = field(default_factory=Counter)
    promoting: float = 0
    promoted: float = 0
    ready: float = 0


@contextmanager
def start_servers() -> Iterator[tuple[Server, Server]]:
    """Start a migrated primary and its synchronous standby, both with fsync."""
    with started_server(settings="fsync=on") as primary:
        keywords = conninfo_to_dict(primary.url(DATABASE))
        databases.execute(keywords, "CREATE DATABASE {}", DATABASE)
        with use_databases(primary.url(DATABASE)):
            call_command("migrate", verbosity=0, interactive=False)
            databases.migrate(keywords)
            call_command("migrate", verbosity=0, interactive=False)
        with start_synchronous_standby(primary, "fsync=on hot_standby_feedback=on") as standby:
            yield primary, standby


def fill() -> list[Reviewer]:
    """Add documents, trials, links and users, and return the browsers of the users."""
    contents = [random.Random(number).randbytes(5_000) for number in range(DOCUMENTS)]
    document, *_ = upload(*contents[::2], name="local")
    upload(*contents[1::2], name="s3", store=get_content_store("s3"))
    values = {"trials": TRIALS, "links": USERS * LINKS_OF_A_USER, "document": document, "asset": make_asset().pk}
    sql.execute(TRIALS_AND_LINKS, values)
    make_user(Role.OPERATOR, username="olga")
    links = list(LinkAudit.objects.order_by("pk").values_list("pk", flat=True))
    browsers = []
    for number in range(USERS):
        cookies = sign_in(f"user{number}", Role.REVIEWER)
        User.objects.get(username=f"user{number}").groups.add(Group.objects.get(name=Role.ANALYST.value))
        browsers.append(Reviewer(0, cookies, links=links[number::USERS]))
    return browsers


@contextmanager
def start_machines(folder: Path, static_root: Path, s3_endpoint: str) -> Iterator[tuple[Machines, list[Reviewer]]]:
    """Start everything, with data; this process uses the same database and content."""
    s3_port, ports = _free_port(), [_free_port(), _free_port()]
    content = {
        "CONTENT_ROOT": folder / "content",
        "CONTENT_S3_BUCKET": BUCKET,
        "CONTENT_S3_PREFIX": folder.name,
        "CONTENT_S3_ENDPOINT": f"http://127.0.0.1:{s3_port}",
        "CONTENT_S3_REGION": "us-east-1",
    }
    (folder / "content").mkdir()
    shared = {**{name: str(value) for name, value in content.items()}, "SHARED_ROOT": f"s3://{BUCKET}/shared",
              "BACKUP_TO": f"s3://{BUCKET}/backups-{folder.name}"}  # fmt: skip
    with ExitStack() as stack:
        primary, standby = stack.enter_context(start_servers())
        hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}/{DATABASE}"
        direct = f"{primary.url().partition('@127')[0]}@{hosts}?target_session_attrs=read-write&connect_timeout=2"
        pooler_folder = Path(tempfile.mkdtemp(prefix="pgb-", dir="/tmp"))
        pooled = stack.enter_context(
            pgbouncer(conninfo_to_dict(primary.url(DATABASE)), "transaction", "server_login_retry = 1", pooler_folder)
        )
        pooled_url = f"postgresql://{primary.user}@127.0.0.1:{pooled['port']}/{DATABASE}"

        def service(name: str, url: str, *arguments: str, **more: str) -> ProcessService:
            (folder / name).mkdir()
            environment = build_environment(url, folder / name, static_root, **shared, **more)
            made = ProcessService(name, (sys.executable, *arguments), environment, folder / f"{name}.log")
            stack.callback(made.stop)
            made.start()
            return made

        def command(name: str, arguments: Callable[[int], tuple[str, ...]]) -> Command:
            return Command(name, lambda n: (name, *arguments(n)), workers[0].environment, folder / f"{name}.log")

        s3 = service("s3", direct, "-m", "tests.replicas.forwarder", str(s3_port), s3_endpoint.rpartition(":")[2])
        wait_until(lambda: Browser(s3_port, {}).request("/")[0] != 0)
        stack.enter_context(use_databases(direct, **content))
        reviewers = fill()
        replica = {"DATABASE_REPLICA_URLS": standby.url(DATABASE)}
        sites = [service(f"site{n}", pooled_url, *gunicorn(port, 1), **replica) for n, port in enumerate(ports, 1)]
        workers = [service(f"worker{n}", direct, "manage.py", "run_jobs", "--concurrency", "2") for n in (1, 2)]
        commands = [
            command("score_trials", lambda n: ("--run-id", f"trial-{n}", "--replace")),
            command("verify_scores", lambda _: ("--workers", "2")),
        ]
        for port in ports:
            wait_until(lambda: Browser(port, {}).request("/readyz")[0] == 200, 120)  # noqa: B023
        # In place of the one that the context started.
        os.kill(int((pooler_folder / "pid").read_text()), signal.SIGKILL)
        (pooler_folder / "pid").unlink()
        program = ("/usr/sbin/pgbouncer", str(pooler_folder / "pgbouncer.ini"))
        pooler = ProcessService("pgbouncer", program, os.environ, folder / "pgbouncer.log", _identity())
        stack.callback(pooler.stop)
        pooler.start()
        services: list[Service] = [*sites, *workers, s3, pooler, StandbyService("standby", standby), *commands]
        environment = dict(workers[0].environment)
        yield Machines(folder, primary, standby, ports, environment, services, commands, pooler_folder), reviewers


@pytest.mark.soak
def test_nothing_acknowledged_is_lost_while_everything_is_killed(
    django_test_environment: None,
    django_db_blocker: Any,
    static_root: Path,
    s3_credentials: None,
    s3_endpoint: str,
    tmp_path: Path,
) -> None:
    seed = int(os.environ.get("SOAK_SEED", str(random.randrange(1_000_000))))
    logger.info("seed %s, %s minutes, load %s", seed, MINUTES, os.getloadavg())
    with django_db_blocker.unblock(), start_machines(tmp_path, static_root, s3_endpoint) as (machines, reviewers):
        for number, reviewer in enumerate(reviewers):
            reviewer.ports, reviewer.port = machines.ports, machines.ports[number % 2]
        analyst = Reviewer(machines.ports[0], sign_in("ana"), ports=machines.ports)
        pipeline, operator = Pipeline(random.Random(seed)), Operator(analyst, random.Random(seed))
        finished = threading.Event()
        targets: list[tuple[Any, ...]] = [
            *((reviewer.work, finished, random.Random(seed + n)) for n, reviewer in enumerate(reviewers)),
            *((client.work, finished) for client in (pipeline, operator)),
            *((command.run, finished) for command in machines.commands),
        ]
        threads = [threading.Thread(target=target, args=arguments) for target, *arguments in targets]
        for thread in threads:
            thread.start()
        try:
            moments = kill_and_promote(machines, reviewers, random.Random(seed))
        finally:
            finished.set()
            for thread in threads:
                thread.join()
        connections.close_all()
        resumed = finish_jobs()
        figures = (
            assert_nothing_lost(reviewers, pipeline, operator, moments)
            | assert_whole(machines)
            | assert_restorable(machines, reviewers)
        )
        figures |= {
            "kills": dict(moments.kills),
            "promotion": round(moments.promoted - moments.promoting, 2),
            "ready after promotion": round(moments.ready - moments.promoted, 2),
            "resumed jobs": resumed,
            "exit codes": {command.name: dict(Counter(command.codes)) for command in machines.commands},
            "load": os.getloadavg(),
        }
        logger.info("%s", figures)


def kill_and_promote(machines: Machines, reviewers: list[Reviewer], rng: random.Random) -> Moments:
    """Kill what runs, one after the other, then the primary, and promote its standby in the last sixth of the time."""
    moments, began, seconds = Moments(), time.monotonic(), 60 * MINUTES
    for number in range(KILLS):
        due = began + seconds * 5 / 6 * (number + rng.random()) / KILLS
        time.sleep(max(0, due - time.monotonic()))
        name = kill_and_restart(machines.services, moments.kills, rng)
        moments.kills[name] += 1
        logger.info("killed %s at %.0f s", name, time.monotonic() - began)
    time.sleep(max(0, began + seconds * 5 / 6 - time.monotonic()))
    wait_until(lambda: Job.objects.filter(kind="backup", state="done").exists(), 300)
    await_standby(machines.primary)
    machines.primary.stop()
    time.sleep(1)
    moments.promoting = time.time()
    machines.promote()
    moments.promoted = time.time()
    observer = Reviewer(machines.ports[0], {}, ports=machines.ports)
    wait_until(lambda: observer.request("/readyz")[0] == 200, LONGEST)
    moments.ready = time.time()
    wait_until(lambda: max(map(_find_last_write, reviewers)) > moments.promoted, LONGEST)
    # The others wait for their processor, not for the database.
    wait_until(lambda: sum(_find_last_write(one) > moments.promoted for one in reviewers) >= USERS * 0.8, 300)
    time.sleep(max(0, began + seconds - time.monotonic()))
    return moments


def finish_jobs() -> dict[str, int]:
    """Wait for all jobs, resume those that failed until each is done, and return the number of these by type."""
    no_open_job = lambda: not Job.objects.filter(state__in=OPEN).exists()  # noqa: E731
    wait_until(no_open_job, 600)
    failed = list(Job.objects.filter(state="failed"))
    for job in failed:
        logger.info("resumes job %s, %s: %s", job.pk, job.kind, job.error)
        queue.resume(job.pk, actor=User.objects.get(username=job.requested_by))
        wait_until(no_open_job, 600)
    return dict(Counter(job.kind for job in failed))


def assert_nothing_lost(
    reviewers: list[Reviewer], pipeline: Pipeline, operator: Operator, moments: Moments
) -> dict[str, Any]:
    """Compare what was acknowledged with what is stored."""
    jobs = {job.pk: job for job in Job.objects.all()}
    assert operator.started.keys() <= jobs.keys()
    assert [(job.pk, job.kind, job.error) for job in jobs.values() if job.state != "done"] == []
    found = {job.pk: (job.result or {})["findings"] for job in jobs.values() if job.kind == "storage_verify"}
    assert {pk: findings for pk, findings in found.items() if findings} == {}
    notes = dict(LinkAudit.objects.filter(label=True).values_list("pk", "review_notes"))
    acknowledged = {link: note for one in reviewers for link, (note, _) in one.acknowledged.items()}
    assert {link: notes.get(link) for link in acknowledged} == acknowledged
    assert [lost for one in reviewers for lost in one.lost_reads] == []
    documents = {
        one.source_url: str(one.storage_uri) for one in Document.objects.filter(source_url__contains="/trial/")
    }
    assert pipeline.kept.keys() <= documents.keys()
    assert not pipeline.deleted & documents.keys()
    for url, content in pipeline.kept.items():
        assert get_content_store_for(documents[url]).read(documents[url]) == content
    assert [refused for one in reviewers for refused in one.refused] == []
    statuses = Counter(status for one in reviewers for _, status in one.answers)
    times = [at for one in reviewers for _, at in one.acknowledged.values()]
    return {
        "statuses": dict(statuses),
        "decisions": len(times),
        "first decision after promotion": round(min(at for at in times if at > moments.promoted) - moments.promoted, 2),
        "documents": len(pipeline.kept),
        "deleted documents": len(pipeline.deleted),
        "failures of the pipeline": dict(pipeline.failures),
        "failures of the operator": dict(operator.failures),
        "jobs": dict(Counter(job.kind for job in jobs.values())),
        "jobs by attempts": dict(Counter(job.attempts for job in jobs.values())),
    }


def assert_whole(machines: Machines) -> dict[str, Any]:
    """Verify schema, drift, scores and content of the promoted server."""
    for arguments in (("migrate_alembic", "--verify-only"), ("migrate_alembic", "--drift"), ("verify_scores",),
                      ("storage_verify",)):  # fmt: skip
        checked = machines.run(*arguments)
        assert checked.code == 0, (arguments, checked)
    return {}


def assert_restorable(machines: Machines, reviewers: list[Reviewer]) -> dict[str, Any]:
    """Restore the last backup, which is verified, and has all that was acknowledged before it started."""
    into = machines.standby.url("restored")
    began = time.monotonic()
    restored = machines.run("restore", "--into", into, "--content", str(machines.folder / "restored"))
    seconds = round(time.monotonic() - began, 1)
    assert restored.code == 0, restored
    backup = Job.objects.filter(kind="backup").latest("finished_at")
    assert backup.started_at is not None
    started = backup.started_at.timestamp()
    before = {link for one in reviewers for link, (_, at) in one.acknowledged.items() if at < started}
    labeled = query(conninfo_to_dict(into), "SELECT audit_id FROM link_audit WHERE label")
    assert before <= {link for (link,) in labeled}
    return {"decisions before the backup": len(before), "restore": seconds}


def _find_last_write(reviewer: Reviewer) -> float:
    return max((at for _, at in list(reviewer.acknowledged.values())), default=0.0)
