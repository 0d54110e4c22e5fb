"""Background job that downloads and loads the SEC's ticker list."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from ncfd_site.core.progress import ProgressReporter
from ncfd_site.ingest.load_command import refuse_demonstration
from ncfd_site.ingest.records import Rejections
from ncfd_site.ingest.runs import LoadProgress
from ncfd_site.jobs.job_types import JobType, Schedule, register
from securities.loading import load_sec_list
from securities.loading.fetching import fetch_sec_tickers

Json = Mapping[str, Any]


def _fetch(arguments: Json, reporter: ProgressReporter) -> Json:
    refuse_demonstration()
    path = fetch_sec_tickers(settings.NCFD_HOME / "fetched", reporter)
    rejections = Rejections()
    summary = load_sec_list(path, datetime.now(UTC).date(), rejections, LoadProgress([path], reporter))
    securities = {outcome: summary.count("securities", outcome) for outcome in ("added", "changed", "rejected")}
    return {**securities, "notes": summary.notes, "rejections": list(rejections.lines()), "file": str(path)}


register(
    JobType(
        name="fetch_sec_tickers",
        title="Fetch the SEC's ticker list",
        permission="storage.operate_storageobject",
        run=_fetch,
        describe=lambda arguments: "of today",
        conclude=lambda result: (
            f"{result['added']:,} securities added, {result['changed']:,} changed, {result['rejected']:,} rejected."
            f" {' '.join(result['notes'])}".rstrip()
        ),
        exclusive=True,
        schedules=(Schedule("fetch-sec-tickers", "15 1 * * *"),),
    )
)
