"""Backups and restore drills as background jobs, with the destination BACKUP_TO."""

from collections.abc import Mapping
from dataclasses import asdict
from operator import itemgetter
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection

from ncfd_site.core.formatting import format_quantity
from ncfd_site.core.progress import ProgressReporter
from ncfd_site.jobs import queue
from ncfd_site.jobs.job_types import JobType, Schedule, register
from ncfd_site.jobs.models import Job
from ncfd_site.schema.deploy import session
from storage.backup.errors import BackupError

BACKUP, DRILL = "backup", "restore_drill"
Json = Mapping[str, Any]


def start_backup(keep: int | None, *, actor: User) -> Job:
    """Start a backup that keeps the newest `keep`; raises PermissionDenied, and JobError while another one is open."""
    return queue.start(BACKUP, {"keep": keep}, actor=actor)


def start_restore_drill(*, actor: User) -> Job:
    """Start a drill on the newest backup; raises PermissionDenied, and JobError while another one is open."""
    return queue.start(DRILL, {}, actor=actor)


def _run_backup(arguments: Json, reporter: ProgressReporter) -> Json:
    # Encryption and S3 are imported by the worker only.
    from storage.backup.files import open_backups
    from storage.backup.presentation import describe_backup
    from storage.backup.services import take_backup

    files = open_backups(settings.BACKUP_TO)
    parameters = session.select_libpq_keywords(connection.get_connection_params())
    result = take_backup(parameters, files, reporter, keep=arguments.get("keep"))
    return {"message": describe_backup(result, is_encrypted=bool(files.key_id)), **asdict(result)}


def _run_drill(arguments: Json, reporter: ProgressReporter) -> Json:
    from storage.backup.drill import run_drill
    from storage.backup.files import open_backups
    from storage.backup.presentation import describe_drill

    result = run_drill(open_backups(settings.BACKUP_TO), reporter)
    if any(check.exit_code for check in result.checks):
        raise BackupError(describe_drill(result))
    return {"message": describe_drill(result), **asdict(result)}


def _describe_backup(arguments: Json) -> str:
    keep = arguments.get("keep")
    return f"keeps the newest {format_quantity(keep, 'backup')}" if keep else "keeps all backups"


for name, title, run, describe, schedule in (
    (BACKUP, "Back up", _run_backup, _describe_backup, Schedule("back-up", "0 1 * * *", {"keep": 30})),
    (DRILL, "Restore drill", _run_drill, lambda _: "the newest backup", Schedule("restore-drill", "0 6 * * 6")),
):
    register(
        JobType(
            name=name,
            title=title,
            permission="storage.operate_storageobject",
            run=run,
            describe=describe,
            conclude=itemgetter("message"),
            exclusive=True,
            schedules=(schedule,),
        )
    )
