"""One decision on all links of a filter, as a job: frozen as the filter, the highest link and a moment."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Max, QuerySet

from linkaudit import bulk
from linkaudit.bulk_words import DECISION_WORDS, NAMED, report
from linkaudit.models import LinkAudit
from ncfd_site.adminkit.list_query import select_listed_rows
from ncfd_site.core import sql
from ncfd_site.core.progress import ProgressReporter
from ncfd_site.jobs import queue
from ncfd_site.jobs.job_types import JobType, register
from ncfd_site.jobs.models import Job

JOB = "linkaudit_bulk_label"
# Links that one transaction labels.
BATCH = 500
# What a confirmation counts, at most.
MOST_COUNTED = 10_000

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Frozen:
    """The links of a filter (a query string of the admin's list) up to a number, as they were at a moment."""

    query: str
    upper: int
    moment: str


def links_of(query: str, actor: User) -> QuerySet[LinkAudit]:
    """Return the links that the admin's list shows for a query string; raises `ListError` where it makes no sense."""
    rows: QuerySet[LinkAudit] = select_listed_rows(LinkAudit, query, actor)
    return rows


def freeze(query: str, actor: User) -> Frozen:
    """Freeze a filter now."""
    upper = LinkAudit.objects.aggregate(highest=Max("pk"))["highest"] or 0
    moment: datetime = sql.value("SELECT clock_timestamp()")
    return Frozen(query, upper, moment.isoformat())


def count_of(frozen: Frozen, actor: User) -> int:
    """Count the links of a frozen filter: `MOST_COUNTED` and one more where there are more."""
    links = links_of(frozen.query, actor).filter(pk__lte=frozen.upper)
    return links.order_by()[: MOST_COUNTED + 1].count()


def start(frozen: Frozen, decision: str, note: str, *, actor: User) -> Job:
    """Start the job. Raises PermissionDenied without `linkaudit.bulk_linkaudit`, and `BulkRefused` without a note."""
    bulk.require_bulk(actor)
    bulk.require_sense(decision, note)
    return queue.start(JOB, {**asdict(frozen), "decision": decision, "note": note.strip()}, actor=actor)


def _run(arguments: Json, control: ProgressReporter) -> Json:
    actor = User.objects.get(username=control.actor)
    moment = datetime.fromisoformat(arguments["moment"])
    state = control.checkpoint or {"after": 0, "counts": {}, "named": {}}
    after, counts, named = state["after"], dict(state["counts"]), {name: [*ids] for name, ids in state["named"].items()}
    control.begin("Labelling links", None, "links")
    links = links_of(arguments["query"], actor).order_by("pk").values_list("pk", flat=True)
    while True:
        batch = list(links.filter(pk__gt=after, pk__lte=arguments["upper"])[:BATCH])
        if not batch:
            break
        done = bulk.label_as_of(batch, arguments["decision"], arguments["note"], moment=moment, actor=actor)
        for name, ids in asdict(done).items():
            counts[name] = counts.get(name, 0) + len(ids)
            if name != "labelled":
                named.setdefault(name, []).extend(ids[: NAMED - len(named.get(name, []))])
        after = batch[-1]
        control.advance(len(batch), checkpoint={"after": after, "counts": counts, "named": named})
    return {"words": report(arguments["decision"], named, counts), "counts": counts, "named": named}


def _describe(arguments: Json) -> str:
    shown = f"those where {arguments['query']}" if arguments["query"] else "all links"
    return f"{DECISION_WORDS[arguments['decision']]}, {shown}, up to link {arguments['upper']}: {arguments['note']}"


BULK_LABEL = register(
    JobType(
        name=JOB,
        title="Label many links",
        permission=bulk.BULK,
        run=_run,
        describe=_describe,
        conclude=lambda result: str(result["words"]),
        errors=(PermissionDenied,),
    )
)
