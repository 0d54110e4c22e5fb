"""One decision on many links at once: recorded as bulk, which is no evidence, and never over a label or a disagreement.

What a person confirmed is frozen: each link with the moment of its last change, or a whole filter at one moment. What
has changed since is skipped and named.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction

from linkaudit.db_errors import refused_as
from linkaudit.models import LinkAudit, LinkDisagreement
from linkaudit.services import ADJUDICATE
from ncfd_site.config.errors import UserError
from ncfd_site.core import sql

BULK = "linkaudit.bulk_linkaudit"
DECISIONS = ("right", "wrong", "cleared")

RECORD = "SELECT count(record_link_review(a.id, %s, %s, 'bulk', %s)) FROM unnest(%s::bigint[]) AS a(id)"


class BulkRefused(UserError):
    """Nothing was labelled; the text says why."""


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What became of each link, as ids in rising order.

    `labelled`: recorded now. Skipped: `changed` since it was selected, `already` labelled by somebody (or already open
    where labels are taken back), `disputed` and so an adjudicator's alone, `others`: the label of somebody else, which
    the actor may not take back. `missing`: no longer there.
    """

    labelled: tuple[int, ...] = ()
    changed: tuple[int, ...] = ()
    already: tuple[int, ...] = ()
    disputed: tuple[int, ...] = ()
    others: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()


@dataclass(slots=True)
class _Sorting:
    """The links by what becomes of them, while they are looked at."""

    by_fate: dict[str, list[int]] = field(default_factory=dict)

    def put(self, fate: str, audit_id: int) -> None:
        self.by_fate.setdefault(fate, []).append(audit_id)

    def result(self) -> BulkResult:
        return BulkResult(**{fate: tuple(sorted(ids)) for fate, ids in self.by_fate.items()})


def require_bulk(actor: User) -> None:
    """Raise PermissionDenied where the actor may not label many links at once."""
    if not actor.has_perm(BULK):
        raise PermissionDenied(
            f"Labelling many links at once needs the permission {BULK}, which {actor.get_username()} does not have."
        )


@transaction.atomic
def label_frozen(seen: Mapping[int, datetime], decision: str, note: str, *, actor: User) -> BulkResult:
    """Give one decision ("right", "wrong", or "cleared": no label any more) on links that were seen at their moments.

    `seen` says of each link its `updated_at` as the person saw it. All in one transaction: where the database refuses
    one of them, nothing is labelled. Raises PermissionDenied, and `BulkRefused` without a note.
    """
    require_bulk(actor)
    require_sense(decision, note)
    return _label(sorted(seen), decision, note, actor, lambda audit: audit.updated_at != seen[audit.pk])


@transaction.atomic
def label_as_of(audit_ids: list[int], decision: str, note: str, *, moment: datetime, actor: User) -> BulkResult:
    """The same for links of a filter that was frozen at a moment: what was changed later is skipped."""
    require_bulk(actor)
    require_sense(decision, note)
    return _label(sorted(audit_ids), decision, note, actor, lambda audit: audit.updated_at > moment)


def _label(
    audit_ids: list[int], decision: str, note: str, actor: User, is_changed: Callable[[LinkAudit], bool]
) -> BulkResult:
    sorting = _Sorting()
    # Rising ids: two people with overlapping selections wait for each other and never deadlock.
    links = LinkAudit.objects.select_for_update(no_key=True).defer("evidence_jsonb").filter(pk__in=audit_ids)
    found = {audit.pk: audit for audit in links.order_by("pk")}
    # Under the locks: a disagreement comes and goes with a decision, which waits for them.
    disputed = set(LinkDisagreement.objects.filter(pk__in=found).values_list("pk", flat=True))
    for audit_id in audit_ids:
        audit = found.get(audit_id)
        if audit is None:
            sorting.put("missing", audit_id)
        elif is_changed(audit):
            sorting.put("changed", audit_id)
        elif audit_id in disputed:
            sorting.put("disputed", audit_id)
        elif (audit.label is None) is (decision == "cleared"):
            sorting.put("already", audit_id)
        elif decision == "cleared" and audit.reviewed_by != actor.get_username() and not actor.has_perm(ADJUDICATE):
            sorting.put("others", audit_id)
        else:
            sorting.put("labelled", audit_id)
    result = sorting.result()
    if result.labelled:
        with refused_as(BulkRefused):
            sql.value(RECORD, [decision, actor.get_username(), note.strip(), list(result.labelled)])
    return result


def require_sense(decision: str, note: str) -> None:
    """Raise `BulkRefused` where the decision is none, or the note says nothing."""
    if decision not in DECISIONS:
        raise BulkRefused(f"A decision is right, wrong or cleared, not {decision!r}. Nothing was labelled.")
    if not note.strip():
        raise BulkRefused("A decision on many links needs a note that says why. Nothing was labelled.")
