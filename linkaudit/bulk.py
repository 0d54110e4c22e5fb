"""One decision on many links at once, recorded with the mode `bulk`, which is never sample evidence.

A bulk decision never replaces a label and never touches a disagreement. The selection is frozen before the user
confirms it: each link with its `updated_at`, or a whole filter as of one moment. Links changed later are skipped and
listed.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max, QuerySet

from linkaudit.models import LinkAudit, LinkDisagreement
from linkaudit.services import ADJUDICATE, translate_errors
from ncfd_site.adminkit.read_only import select_listed_rows
from ncfd_site.config.errors import UserError
from ncfd_site.core import sql
from ncfd_site.core.formatting import format_first
from ncfd_site.core.permissions import check_permission
from ncfd_site.jobs import queue
from ncfd_site.jobs.models import Job

BULK = "linkaudit.bulk_linkaudit"
JOB = "linkaudit_bulk_label"
# A confirmation counts at most this many links.
MAX_COUNTED = 10_000
MAX_LISTED = 10

# How a label reads after each decision.
DECISIONS = {"right": "right", "wrong": "wrong", "cleared": "open"}
RECORD = "SELECT count(record_link_review(a.id, %s, %s, 'bulk', %s)) FROM unnest(%s::bigint[]) AS a(id)"
SKIP_REASONS = {
    "changed": "changed since the selection",
    "already_labeled": "already labeled",
    "already_open": "already open",
    "disputed": "awaiting adjudication",
    "labeled_by_others": "labeled by another reviewer",
}


class BulkError(UserError):
    """Nothing was labeled."""


@dataclass(frozen=True, slots=True)
class BulkResult:
    """The links by outcome, as ascending ids.

    Skipped are the links `changed` since the selection, `already_labeled` (or `already_open` when labels are cleared),
    `disputed`, and `labeled_by_others`, whose label the actor may not clear. `missing` links no longer exist.
    """

    labeled: tuple[int, ...] = ()
    changed: tuple[int, ...] = ()
    already_labeled: tuple[int, ...] = ()
    already_open: tuple[int, ...] = ()
    disputed: tuple[int, ...] = ()
    labeled_by_others: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FrozenFilter:
    """The links of a filter (a query string of the admin's list) up to an id, as of a moment."""

    query: str
    max_id: int
    moment: str


@transaction.atomic
def label_selected(seen: Mapping[int, datetime], decision: str, note: str, *, actor: User) -> BulkResult:
    """Record one decision ("right", "wrong" or "cleared") on links, given their `updated_at` as the actor saw it.

    All or none: if the database refuses one link, nothing is labeled. Raises PermissionDenied, and BulkError without a
    note.
    """
    _validate(decision, note, actor)
    return _label(sorted(seen), decision, note, actor, lambda audit: audit.updated_at != seen[audit.pk])


@transaction.atomic
def label_as_of(audit_ids: list[int], decision: str, note: str, *, moment: datetime, actor: User) -> BulkResult:
    """Record one decision on links of a frozen filter; links changed after `moment` are skipped."""
    _validate(decision, note, actor)
    return _label(sorted(audit_ids), decision, note, actor, lambda audit: audit.updated_at > moment)


def list_filtered(query: str, actor: User) -> QuerySet[LinkAudit]:
    """Return the links that the admin's list shows for a query string; raises ListError for an invalid one."""
    rows: QuerySet[LinkAudit] = select_listed_rows(LinkAudit, query, actor)
    return rows


def freeze_filter(query: str) -> FrozenFilter:
    """Freeze a filter now."""
    max_id = LinkAudit.objects.aggregate(highest=Max("pk"))["highest"] or 0
    moment: datetime = sql.value("SELECT clock_timestamp()")
    return FrozenFilter(query, max_id, moment.isoformat())


def count_frozen(frozen: FrozenFilter, actor: User) -> int:
    """Count the links of a frozen filter, up to `MAX_COUNTED` + 1."""
    links = list_filtered(frozen.query, actor).filter(pk__lte=frozen.max_id)
    return links.order_by()[: MAX_COUNTED + 1].count()


def start_job(frozen: FrozenFilter, decision: str, note: str, *, actor: User) -> Job:
    """Start the job that labels a frozen filter. Raises PermissionDenied, and BulkError without a note."""
    _validate(decision, note, actor)
    return queue.start(JOB, {**asdict(frozen), "decision": decision, "note": note.strip()}, actor=actor)


def format_result(decision: str, groups: Mapping[str, Collection[int]], counts: Mapping[str, int] | None = None) -> str:
    """Return how many links were labeled, skipped and failed, with the first ids of those not labeled.

    `groups` has ids by outcome; `counts` has the totals, if `groups` is incomplete.
    """
    total = counts or {name: len(ids) for name, ids in groups.items()}
    labeled = f"{total.get('labeled', 0):,}"
    parts = [f"Cleared: {labeled}." if decision == "cleared" else f"Labeled {decision}: {labeled}."]
    for name, reason in SKIP_REASONS.items():
        if total.get(name):
            parts.append(
                f"Skipped: {total[name]:,}, {reason} ({format_first(groups.get(name, ()), MAX_LISTED, total[name])})."
            )
    if total.get("missing"):
        ids = format_first(groups["missing"], MAX_LISTED, total["missing"])
        parts.append(f"Failed: {total['missing']:,}, no longer in the database ({ids}).")
    return " ".join(parts)


def _validate(decision: str, note: str, actor: User) -> None:
    check_permission(actor, BULK, "Labeling many links")
    if decision not in DECISIONS:
        raise BulkError(f"A decision is right, wrong or cleared, not {decision!r}. Nothing was labeled.")
    if not note.strip():
        raise BulkError("A bulk decision requires a note with the reason. Nothing was labeled.")


def _label(
    audit_ids: list[int], decision: str, note: str, actor: User, is_changed: Callable[[LinkAudit], bool]
) -> BulkResult:
    # Locks are taken in ascending order, so that overlapping selections wait for each other and never deadlock.
    links = LinkAudit.objects.select_for_update(no_key=True).defer("evidence_jsonb").filter(pk__in=audit_ids)
    found = {audit.pk: audit for audit in links.order_by("pk")}
    # Read under the locks: every decision that opens or closes a disagreement waits for them.
    disputed = set(LinkDisagreement.objects.filter(pk__in=found).values_list("pk", flat=True))
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for audit_id in audit_ids:
        audit = found.get(audit_id)
        if audit is None:
            outcome = "missing"
        elif is_changed(audit):
            outcome = "changed"
        elif audit_id in disputed:
            outcome = "disputed"
        elif decision == "cleared" and audit.label is None:
            outcome = "already_open"
        elif decision != "cleared" and audit.label is not None:
            outcome = "already_labeled"
        elif decision == "cleared" and audit.reviewed_by != actor.get_username() and not actor.has_perm(ADJUDICATE):
            outcome = "labeled_by_others"
        else:
            outcome = "labeled"
        groups[outcome].append(audit_id)
    if groups["labeled"]:
        with translate_errors(BulkError):
            sql.value(RECORD, [decision, actor.get_username(), note.strip(), groups["labeled"]])
    return BulkResult(**{outcome: tuple(ids) for outcome, ids in groups.items()})
