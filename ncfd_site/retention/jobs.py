"""Pruning as a background job."""

from collections.abc import Mapping
from typing import Any

from ncfd_site.core.progress import ProgressReporter
from ncfd_site.jobs.job_types import JobType, Schedule, register
from ncfd_site.retention.pruning import Pruned, as_json, describe, prune

Json = Mapping[str, Any]
OPERATE = "storage.operate_storageobject"


def _run_pruning(arguments: Json, reporter: ProgressReporter) -> Json:
    return {"pruned": as_json(prune(reporter, apply=arguments["apply"])), "applied": arguments["apply"]}


PRUNE = register(
    JobType(
        name="prune",
        title="Prune",
        permission=OPERATE,
        run=_run_pruning,
        describe=lambda arguments: "deletes data past its retention" if arguments["apply"] else "dry run",
        conclude=lambda result: describe([Pruned(**one) for one in result["pruned"]], apply=result["applied"]),
        exclusive=True,
        schedules=(Schedule("prune", "30 3 * * *", {"apply": True}),),
    )
)
