"""The check for drift as a background job: here, since neither the schema nor the jobs know the other."""

from collections.abc import Mapping
from typing import Any

from django.db import connection

from ncfd_site.core.progress import ProgressReporter
from ncfd_site.jobs.job_types import JobType, Schedule, register
from ncfd_site.schema.deploy import inspection, session
from ncfd_site.schema.deploy.report import Progress, RunResult


def _check_drift(arguments: Mapping[str, Any], reporter: ProgressReporter) -> Mapping[str, Any]:
    lines: list[str] = []
    reporter.begin("Comparing the schema", None, "")
    parameters = session.select_libpq_keywords(connection.get_connection_params())
    result = RunResult(database=str(parameters.get("dbname", "")))
    # Differences raise an error that lists them.
    inspection.show_drift(parameters, Progress(lines.append, 1, result), arguments.get("exclude", ()))
    return {"message": lines[-1]}


CHECK_DRIFT = register(
    JobType(
        name="check_drift",
        title="Check the schema for drift",
        permission="storage.operate_storageobject",
        run=_check_drift,
        describe=lambda arguments: ", ".join(f"without {pattern}" for pattern in arguments.get("exclude", ())),
        conclude=lambda result: str(result["message"]),
        schedules=(Schedule("check-drift", "30 5 * * *"),),
    )
)
