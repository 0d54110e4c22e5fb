"""Promoting, and taking a promotion back, as jobs."""

from collections.abc import Mapping
from typing import Any

from linkaudit.promotion import services
from ncfd_site.core.formatting import format_quantity
from ncfd_site.core.progress import ProgressReporter
from ncfd_site.jobs.job_types import JobType, register

Json = Mapping[str, Any]


def _promote(arguments: Json, control: ProgressReporter) -> Json:
    links = services.promote(arguments["promotion_id"], control)
    return {"promotion_id": arguments["promotion_id"], "links": links}


def _take_back(arguments: Json, control: ProgressReporter) -> Json:
    control.begin("Taking the promotion back", None, "links")
    links = services.take_back(arguments["promotion_id"], arguments["reason"], by=control.actor)
    control.advance(links)
    return {"promotion_id": arguments["promotion_id"], "links": links}


PROMOTE = register(
    JobType(
        name=services.PROMOTE_JOB,
        title="Promote links",
        permission=services.PROMOTE,
        run=_promote,
        describe=lambda arguments: f"promotion {arguments['promotion_id']}, links of {arguments['heuristic']}",
        conclude=lambda result: (
            f"Promotion {result['promotion_id']} has promoted {format_quantity(result['links'], 'link')}."
        ),
        result_template="linkaudit/promotion/result.html",
        exclusive=True,
    )
)
TAKE_BACK = register(
    JobType(
        name=services.TAKE_BACK_JOB,
        title="Take a promotion back",
        permission=services.PROMOTE,
        run=_take_back,
        describe=lambda arguments: f"promotion {arguments['promotion_id']}: {arguments['reason']}",
        conclude=lambda result: (
            f"Promotion {result['promotion_id']} is taken back: {format_quantity(result['links'], 'link')} "
            f"{'is what it was' if result['links'] == 1 else 'are what they were'} before."
        ),
        result_template="linkaudit/promotion/result.html",
        exclusive=True,
    )
)
