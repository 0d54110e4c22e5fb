"""Background jobs on links, and the export of the list of links."""

from collections.abc import Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.http import QueryDict
from django.urls import reverse

from linkaudit import bulk
from linkaudit.forms import LinkFilterForm
from linkaudit.models import LinkAudit
from linkaudit.promotion import services as promotion
from linkaudit.sampling import services as sampling
from linkaudit.sampling.services import SampleOptions
from linkaudit.selection import list_links
from ncfd_site.adminkit.read_only import ListError, select_listed_rows
from ncfd_site.core.formatting import format_quantity
from ncfd_site.core.progress import ProgressReporter
from ncfd_site.exports.sources import SelectedRows, Source
from ncfd_site.exports.sources import register as register_export
from ncfd_site.jobs.job_types import JobType, register

# Links per transaction of a bulk job.
BATCH = 500

Json = Mapping[str, Any]


def _run_bulk_labeling(arguments: Json, reporter: ProgressReporter) -> Json:
    actor = User.objects.get(username=reporter.actor)
    decision, moment = arguments["decision"], datetime.fromisoformat(arguments["moment"])
    state = reporter.checkpoint or {"after": 0, "counts": {}, "listed": {}, "rules": bulk.read_rules()}
    after, counts = state["after"], dict(state["counts"])
    listed = {outcome: [*ids] for outcome, ids in state["listed"].items()}
    reporter.begin("Labeling links", None, "links")
    links = select_listed_rows(LinkAudit, arguments["query"], actor).order_by("pk").values_list("pk", flat=True)
    while batch := list(links.filter(pk__gt=after, pk__lte=arguments["max_id"])[:BATCH]):
        result = bulk.label_links(
            batch, decision, arguments["note"], is_changed=lambda audit: audit.updated_at > moment, actor=actor
        )
        for outcome, ids in result.items():
            counts[outcome] = counts.get(outcome, 0) + len(ids)
            # A job's page has other readers: no outcome may show the label of a link in a sample.
            if outcome in ("changed", "missing"):
                listed.setdefault(outcome, []).extend(ids[: bulk.MAX_LISTED - len(listed.get(outcome, []))])
        after = batch[-1]
        reporter.advance(len(batch), checkpoint={**state, "after": after, "counts": counts, "listed": listed})
    message = f"{bulk.format_result(decision, listed, counts)} {bulk.format_rule_changes(state.get('rules', {}))}"
    return {"message": message.strip(), "counts": counts, "listed": listed}


def _describe_bulk_labeling(arguments: Json) -> str:
    links = f"links where {arguments['query']}" if arguments["query"] else "all links"
    label = bulk.DECISIONS[arguments["decision"]]
    return f"{links}, up to link {arguments['max_id']}, as {label}: {arguments['note']}"


def _run_sample_draw(arguments: Json, reporter: ProgressReporter) -> Json:
    reporter.begin("Drawing", None, "samples")
    sample = sampling.draw_sample(SampleOptions.from_json(arguments), drawn_by=reporter.actor)
    return {"sample_id": sample.pk, "message": sampling.describe_sample(sample)}


def _run_promoted_samples_draw(arguments: Json, reporter: ProgressReporter) -> Json:
    samples = sampling.draw_promoted_samples(arguments.get("size", sampling.PROMOTED_SIZE), reporter=reporter)
    message = " ".join(map(sampling.describe_sample, samples)) or sampling.NOTHING_DUE
    return {"samples": [sample.pk for sample in samples], "message": message}


def _run_promotion_revert(arguments: Json, reporter: ProgressReporter) -> Json:
    reporter.begin("Reverting the promotion", None, "links")
    links = promotion.revert_promotion(arguments["promotion_id"], arguments["reason"], reverted_by=reporter.actor)
    reporter.advance(links)
    return {"promotion_id": arguments["promotion_id"], "links": links}


register(
    JobType(
        name=bulk.JOB,
        title="Label many links",
        permission=bulk.BULK,
        run=_run_bulk_labeling,
        describe=_describe_bulk_labeling,
        conclude=itemgetter("message"),
        errors=(PermissionDenied,),
    )
)
register(
    JobType(
        name=sampling.DRAW_JOB,
        title="Draw a sample",
        permission=sampling.DRAW,
        run=_run_sample_draw,
        describe=lambda arguments: str(SampleOptions.from_json(arguments)),
        conclude=itemgetter("message"),
        errors=(sampling.SampleError,),
    )
)
register(
    JobType(
        name="linkaudit_draw_promoted_samples",
        title="Draw samples of promoted links",
        permission=sampling.DRAW,
        run=_run_promoted_samples_draw,
        describe=lambda arguments: f"{arguments.get('size', sampling.PROMOTED_SIZE):,} links of each heuristic",
        conclude=itemgetter("message"),
        exclusive=True,
    )
)
register(
    JobType(
        name=promotion.PROMOTE_JOB,
        title="Promote links",
        permission=promotion.PROMOTE,
        run=lambda arguments, reporter: {
            "promotion_id": arguments["promotion_id"],
            "links": promotion.promote_links(arguments["promotion_id"], reporter),
        },
        describe=lambda arguments: f"promotion {arguments['promotion_id']}, links of {arguments['heuristic']}",
        conclude=lambda result: (
            f"Promotion {result['promotion_id']}: {format_quantity(result['links'], 'link')} promoted."
        ),
        result_template="linkaudit/promotion/result.html",
        exclusive=True,
    )
)
register(
    JobType(
        name=promotion.REVERT_JOB,
        title="Revert a promotion",
        permission=promotion.PROMOTE,
        run=_run_promotion_revert,
        describe=lambda arguments: f"promotion {arguments['promotion_id']}: {arguments['reason']}",
        conclude=lambda result: (
            f"Promotion {result['promotion_id']} reverted: {format_quantity(result['links'], 'link')}."
        ),
        result_template="linkaudit/promotion/result.html",
        exclusive=True,
    )
)


# The columns of the file for each column of the list.
FILE_COLUMNS = {
    "link": ("audit_id",),
    "trial": ("nct_id",),
    "asset": ("asset_id", "asset_names"),
    "document": ("doc_id", "document_url"),
    "heuristic": ("heuristic_applied",),
    "confidence": ("confidence",),
    "label": ("label", "label_source", "reviewed_by", "reviewed_at"),
    "promotion": ("promotion_status",),
}


def _select_exported_links(query: str, actor: User) -> SelectedRows:
    form = LinkFilterForm(QueryDict(query))
    if not form.is_valid():
        raise ListError("Invalid filter. Return to the list and select again.")
    selection = form.get_selection()
    columns = [name for column in form.cleaned_data["columns"] for name in FILE_COLUMNS[column]]
    rows = list_links(selection, actor).annotate(asset_names=F("asset__names_jsonb"), document_url=F("doc__source_url"))
    return SelectedRows(rows, selection.words, columns)


register_export(Source("links", LinkAudit, _select_exported_links, lambda: reverse("linkaudit:links")))
