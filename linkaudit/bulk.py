"""One decision on many links at once, recorded with the mode `bulk`, which is never sample evidence.

A bulk decision never replaces a label and never touches a disagreement. The selection is frozen before the user
confirms it: each link with its `updated_at`, or a whole filter as of one moment. Links changed later are skipped and
listed.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Max, QuerySet

from linkaudit.blinding import exclude_blind
from linkaudit.models import LinkAudit, LinkDisagreement
from linkaudit.queries import list_statuses
from linkaudit.services import ADJUDICATE, translate_errors
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
# By outcome of a skipped link.
SKIP_REASONS = {
    "blind": "in an open sample that can ask you",
    "changed": "changed since the selection",
    "already_labeled": "already labeled",
    "already_open": "already open",
    "disputed": "awaiting adjudication",
    "labeled_by_others": "labeled by another reviewer",
}


class BulkError(UserError):
    """Nothing was labeled."""


@dataclass(frozen=True, slots=True)
class FrozenFilter:
    """The links of a filter (a query string of the admin's list) up to an id, as of a moment."""

    query: str
    max_id: int
    moment: str


@transaction.atomic
def label_links(
    audit_ids: Collection[int], decision: str, note: str, *, is_changed: Callable[[LinkAudit], bool], actor: User
) -> dict[str, list[int]]:
    """Record one decision ("right", "wrong" or "cleared") on links, and return their ascending IDs by outcome.

    The outcomes are `labeled`, those of `SKIP_REASONS`, and `missing` for links that no longer exist.
    `is_changed` finds the links that changed after the actor selected them; they are skipped. All or none: if the
    database refuses one link, nothing is labeled. Raises PermissionDenied, and BulkError without a note.
    """
    _validate_bulk_decision(decision, note, actor)
    # Locks are taken in ascending order, so that overlapping selections wait for each other and never deadlock.
    links = LinkAudit.objects.select_for_update(no_key=True).defer("evidence_jsonb").filter(pk__in=audit_ids)
    found = {audit.pk: audit for audit in links.order_by("pk")}
    # Read under the locks: every decision that opens or closes a disagreement waits for them.
    disputed = set(LinkDisagreement.objects.filter(pk__in=found).values_list("pk", flat=True))
    visible = set(exclude_blind(LinkAudit.objects.filter(pk__in=found), actor).values_list("pk", flat=True))
    groups: dict[str, list[int]] = {outcome: [] for outcome in ("labeled", *SKIP_REASONS, "missing")}
    for audit_id in sorted(audit_ids):
        audit = found.get(audit_id)
        if audit is not None and audit_id not in visible:
            groups["blind"].append(audit_id)
        elif audit is not None and is_changed(audit):
            groups["changed"].append(audit_id)
        else:
            groups[_choose_outcome(audit, decision, audit_id in disputed, actor)].append(audit_id)
    if groups["labeled"]:
        with translate_errors(BulkError):
            sql.value(RECORD, [decision, actor.get_username(), note.strip(), groups["labeled"]])
    return groups


def preview_rule(links: QuerySet[LinkAudit], decisions: Collection[str]) -> list[tuple[str, list[str]]]:
    """Return each heuristic of unordered links, with its reviewed links and rule now and after each decision."""
    counts: dict[str, Counter[bool | None]] = {}
    disputed = LinkDisagreement.objects.values("pk")
    found = LinkAudit.objects.filter(pk__in=links.values("pk")).exclude(pk__in=disputed).exclude(heuristic_applied=None)
    for name, label, count in found.values_list("heuristic_applied", "label").annotate(count=Count("pk")):
        counts.setdefault(name or "", Counter())[label] = count
    return [
        (
            each.heuristic,
            [str(each)]
            + [str(each.with_labels(*_count_change(decision, counts[each.heuristic]))) for decision in decisions],
        )
        for each in list_statuses(sorted(counts))
    ]


def read_rules() -> dict[str, str]:
    """Return the reviewed links of each heuristic, and whether the promotion rule is met."""
    return {each.heuristic: str(each) for each in list_statuses()}


def format_rule_changes(before: Mapping[str, str]) -> str:
    """Return how labels moved the promotion rule since `before`, the result of `read_rules`."""
    now = read_rules()
    changes = [
        f"{name}: {text}; before: {before[name]}." for name, text in now.items() if before.get(name, text) != text
    ]
    return " ".join(changes)


def freeze_filter(query: str) -> FrozenFilter:
    """Return the filter with the highest link ID and the time, so that a job ignores later links and changes."""
    max_id = LinkAudit.objects.aggregate(highest=Max("pk"))["highest"] or 0
    moment: datetime = sql.value("SELECT clock_timestamp()")
    return FrozenFilter(query, max_id, moment.isoformat())


def start_job(frozen: FrozenFilter, decision: str, note: str, *, actor: User) -> Job:
    """Start the job that labels a frozen filter. Raises PermissionDenied, and BulkError without a note."""
    _validate_bulk_decision(decision, note, actor)
    return queue.start(JOB, {**asdict(frozen), "decision": decision, "note": note.strip()}, actor=actor)


def format_result(decision: str, groups: Mapping[str, Collection[int]], counts: Mapping[str, int] | None = None) -> str:
    """Return how many links were labeled, skipped and failed, with the first IDs of those not labeled.

    `groups` has IDs by outcome; `counts` has the totals, if `groups` is incomplete.
    """
    total = counts or {name: len(ids) for name, ids in groups.items()}
    labeled = f"{total.get('labeled', 0):,}"
    parts = [f"Cleared: {labeled}." if decision == "cleared" else f"Labeled {decision}: {labeled}."]
    for name, reason in SKIP_REASONS.items():
        if total.get(name):
            ids = f" ({format_first(groups[name], MAX_LISTED, total[name])})" if groups.get(name) else ""
            parts.append(f"Skipped: {total[name]:,}, {reason}{ids}.")
    if total.get("missing"):
        ids = format_first(groups["missing"], MAX_LISTED, total["missing"])
        parts.append(f"Failed: {total['missing']:,}, no longer in the database ({ids}).")
    return " ".join(parts)


def _count_change(decision: str, counts: Mapping[bool | None, int]) -> tuple[int, int]:
    if decision == "cleared":
        return -counts[True], -counts[False]
    return (counts[None], 0) if decision == "right" else (0, counts[None])


def _validate_bulk_decision(decision: str, note: str, actor: User) -> None:
    check_permission(actor, BULK, "Labeling many links")
    if decision not in DECISIONS:
        raise BulkError(f"A decision is right, wrong or cleared, not {decision!r}. Nothing was labeled.")
    if not note.strip():
        raise BulkError("A bulk decision requires a note with the reason. Nothing was labeled.")


def _choose_outcome(audit: LinkAudit | None, decision: str, is_disputed: bool, actor: User) -> str:
    if audit is None:
        return "missing"
    if is_disputed:
        return "disputed"
    if decision == "cleared":
        if audit.label is None:
            return "already_open"
        may_clear = audit.reviewed_by == actor.get_username() or actor.has_perm(ADJUDICATE)
        return "labeled" if may_clear else "labeled_by_others"
    return "labeled" if audit.label is None else "already_labeled"
